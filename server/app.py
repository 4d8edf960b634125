"""create_app: the FastAPI application around one engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from decoding.bundle import Bundle
from server import errors, openapi
from server.access import Access
from server.error_answers import error_document
from server.model import ServedModel
from server.promotion.promoter import Promoter
from server.protocol.errors import error_headers, failure
from server.records.logs import quiet_text_writers
from server.responses.responses import Responses
from server.routes import (
    admin,
    anthropic,
    chat,
    completions,
    health,
    models,
    playground,
    responses,
    stored_responses,
    tokens,
)
from server.service import LoadModel, Service, StartEngine
from server.settings import Settings

HTTP_ERRORS: dict[int, errors.RequestError] = {
    404: errors.NotFound("Unknown request URL.", code="unknown_url"),
    405: errors.MethodNotAllowed("This URL does not take this method."),
}

GUARDED = (
    health.metrics,
    models.router,
    chat.router,
    completions.router,
    responses.router,
    stored_responses.router,
    anthropic.router,
    admin.router,
    tokens.router,
)


def create_app(
    bundle: Bundle,
    settings: Settings,
    start_engine: StartEngine,
    load_model: LoadModel = ServedModel.load,
) -> FastAPI:
    """Make the application; it answers at once and loads the model in the background."""
    service = Service(bundle, settings, start_engine, load_model)
    quiet_text_writers()
    app = FastAPI(
        title="reflect",
        lifespan=_lifespan,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    app.state.responses = Responses.open(service)
    app.state.promoter = Promoter(service)
    app.add_middleware(Access, service=service)
    app.include_router(health.probes)
    app.include_router(openapi.router)
    app.include_router(playground.router)
    for guarded in GUARDED:
        app.include_router(guarded, dependencies=[Depends(_require_key)], responses=openapi.ERRORS)
    app.exception_handler(errors.ServerError)(_answer_server_error)
    app.exception_handler(HTTPException)(_answer_http_error)
    app.exception_handler(RequestValidationError)(_answer_wrong_query)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service: Service = app.state.service
    keys = service.keyring.watch(service.settings.keys_poll_s)
    tasks = {
        asyncio.create_task(service.load(), name="load"),
        asyncio.create_task(keys, name="keys"),
    }
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await app.state.promoter.close()
        await app.state.responses.close()
        await service.close()


async def _require_key(request: Request) -> None:
    """Raise Unauthorized unless the request carries a key, where keys are needed.

    What is posted counts as a request of its key, before it is read. A coroutine, though it waits
    for nothing: FastAPI runs plain functions in threads.
    """
    service: Service = request.app.state.service
    caller = service.keyring.find(_sent_key(request))
    if caller is None:
        raise errors.Unauthorized("A valid API key is needed: send 'Authorization: Bearer KEY'.")
    request.state.caller = caller
    if request.method == "POST":
        service.rates.take_request(caller)


def _sent_key(request: Request) -> str | None:
    """Return the key as OpenAI's clients send it, else as Anthropic's do."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key")


async def _answer_server_error(request: Request, error: errors.ServerError) -> JSONResponse:
    document = error_document(request.url.path, error)
    return JSONResponse(document, failure(error).status, error_headers(error))


async def _answer_http_error(request: Request, error: HTTPException) -> JSONResponse:
    known = HTTP_ERRORS.get(error.status_code, errors.RequestError("The request is not valid."))
    answer = await _answer_server_error(request, known)
    answer.headers.update(error.headers or {})
    return answer


async def _answer_wrong_query(request: Request, error: RequestValidationError) -> JSONResponse:
    """Answer a parameter of the URL that is not what it must be; bodies are read by the routes."""
    name = str(error.errors()[0]["loc"][-1])
    reason = str(error.errors()[0]["msg"]).removeprefix("Input ")
    wrong = errors.RequestError(f"Invalid '{name}': it {reason}.", param=name, code="invalid_value")
    return await _answer_server_error(request, wrong)
