"""Reads and checks the body of a request: its type, its size, its shape, then its fields."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.requests import ClientDisconnect, Request

from server.errors import RequestError, RequestTooLarge, UnsupportedMediaType
from server.protocol.errors import request_error

Body = TypeVar("Body", bound=BaseModel)

# Whoever sends a million tiny values must not keep the event loop busy for a minute: each field
# and each mistake is checked at the cost of some 10 to 100 us. No honest request comes near.
MAX_MEMBERS = 20_000
MAX_ITEMS = 300_000
LEAST_BYTES = 2  # of a member or an item


async def read_body(request: Request, kind: type[Body], max_bytes: int) -> Body:
    """Return the body as `kind`; raise RequestError saying what is wrong with it."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaType("The request's Content-Type must be application/json.")
    data = await _read(request, max_bytes)
    check_shape(data)
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        raise request_error(error) from None


def check_shape(data: bytes) -> None:
    """Raise RequestError for what is no JSON, and for more values than a request can need.

    Nesting over 200 deep, NaN and numbers of thousands of digits are no JSON here. Of a name that
    stands twice in an object the last counts.
    """
    try:
        value = from_json(data, allow_inf_nan=False)
    except ValueError as error:
        raise RequestError(
            f"The request body is not valid JSON: {error}.", code="invalid_json"
        ) from None
    if len(data) <= LEAST_BYTES * min(MAX_MEMBERS, MAX_ITEMS):
        return
    num_members, num_items, todo = 0, 0, [value]
    while todo:
        value = todo.pop()
        inner: Any = ()
        if isinstance(value, dict):
            num_members += len(value)
            inner = value.values()
        elif isinstance(value, list):
            num_items += len(value)
            inner = value
        if num_members > MAX_MEMBERS or num_items > MAX_ITEMS:
            raise RequestError(
                f"The request body has too many values: at most {MAX_MEMBERS} fields of objects "
                f"and {MAX_ITEMS} items of arrays are taken.",
                code="too_many_values",
            )
        todo += [each for each in inner if isinstance(each, (dict, list))]


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
