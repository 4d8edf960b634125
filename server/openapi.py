"""GET /openapi.json: what our API takes and gives, bodies that routes read themselves included."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from server.protocol.admin import AdapterName, AdapterRequest, PromotionRequest
from server.protocol.anthropic import CountTokensRequest, MessagesRequest
from server.protocol.chat import ChatCompletionRequest
from server.protocol.completions import CompletionRequest
from server.protocol.errors import ErrorBody
from server.protocol.responses import ResponsesRequest
from server.protocol.tokens import DetokenizeRequest, TokenizeRequest

SCHEMAS = "#/components/schemas/"
BODIES: tuple[type[BaseModel], ...] = (
    ChatCompletionRequest,
    ResponsesRequest,
    MessagesRequest,
    CountTokensRequest,
    PromotionRequest,
    AdapterRequest,
    AdapterName,
    CompletionRequest,
    TokenizeRequest,
    DetokenizeRequest,
)
ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorBody, "description": "The request is wrong or not allowed"},
    "5XX": {"model": ErrorBody, "description": "The server cannot answer"},
}
# Of routes whose answer is text; with a response class for text the errors would be, too.
TEXT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Text"}
}

router = APIRouter()


def request_body(kind: type[BaseModel]) -> dict[str, Any]:
    """Describe the body of a route that reads it with `read_body`."""
    schema = {"$ref": f"{SCHEMAS}{kind.__name__}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


@router.get("/openapi.json", include_in_schema=False)
async def describe(http: Request) -> JSONResponse:
    """Write the description; made at the first request and kept."""
    app: FastAPI = http.app
    if app.openapi_schema is None:
        app.openapi_schema = _description(app)
    return JSONResponse(app.openapi_schema)


def _description(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    schemas = document["components"]["schemas"]
    for kind in BODIES:
        schema = kind.model_json_schema(ref_template=SCHEMAS + "{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[kind.__name__] = schema
    for operations in document["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("422", None)  # mistakes are answered with 400
    return document
