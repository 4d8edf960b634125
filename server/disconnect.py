"""unless_gone: work for a client that ends when the client leaves, and the answer to that."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.responses import Response
from starlette.types import Receive

CLIENT_CLOSED_REQUEST = 499  # nginx's, for its own log: nobody reads the answer
T = TypeVar("T")


async def unless_gone(receive: Receive, work: Coroutine[Any, Any, T]) -> T | None:
    """Return what the work returns, or None, the work cancelled, once the client has left.

    The request's body must have been read: what comes next tells that the client has left.
    """
    task = asyncio.create_task(work)
    gone = asyncio.create_task(_wait_until_gone(receive))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        return await task if task.done() else None
    finally:
        gone.cancel()
        task.cancel()


def client_gone() -> Response:
    """Return the answer that nobody waits for, which the log and the metrics see."""
    return Response(status_code=CLIENT_CLOSED_REQUEST)


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
