"""Reads and checks the body of a request: its type, its size, then its fields."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from server.errors import RequestError, RequestTooLarge, UnsupportedMediaType
from server.protocol.errors import request_error

Body = TypeVar("Body", bound=BaseModel)


async def read_body(request: Request, kind: type[Body], max_bytes: int) -> Body:
    """Return the body as `kind`; raise RequestError saying what is wrong with it."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaType("The request's Content-Type must be application/json.")
    data = await _read(request, max_bytes)
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        raise request_error(error) from None


async def _read(request: Request, max_bytes: int) -> bytes:
    data = bytearray()
    try:
        async for part in request.stream():
            data += part
            if len(data) > max_bytes:
                raise RequestTooLarge(f"The body may have at most {max_bytes} bytes.")
    except ClientDisconnect:
        raise RequestError("The client left before its request was complete.") from None
    return bytes(data)
