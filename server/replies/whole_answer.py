"""answer_whole: a generation as one response, unless the client leaves."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from server.completions.batch import Batch
from server.disconnect import client_gone, unless_gone
from server.replies.generation import Generation


async def answer_whole(
    http: Request, generation: Generation | Batch, write: Coroutine[Any, Any, Response]
) -> Response:
    """Run a generation and return what is written of it; a client that leaves aborts it."""
    try:
        async with generation:
            response = await unless_gone(http.receive, write)
    finally:
        http.state.usage = generation.usage
    return client_gone() if response is None else response
