"""Work for a client ends with it, and only then."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from server.disconnect import unless_gone


class Client:
    """The receiving end of a connection: it sends what is left of a body, stays, or leaves."""

    def __init__(self) -> None:
        self.leaves = asyncio.Event()
        self._messages: list[dict[str, Any]] = [{"type": "http.request", "body": b""}]

    async def receive(self) -> dict[str, Any]:
        if self._messages:
            return self._messages.pop()
        await self.leaves.wait()
        return {"type": "http.disconnect"}


async def test_what_the_work_returns_comes_back() -> None:
    async def work() -> int:
        await asyncio.sleep(0.01)
        return 7

    assert await unless_gone(Client().receive, work()) == 7


async def test_what_the_work_raises_comes_out() -> None:
    async def work() -> int:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await unless_gone(Client().receive, work())


async def test_a_client_that_leaves_cancels_the_work() -> None:
    client, is_cancelled = Client(), asyncio.Event()

    async def work() -> int:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            is_cancelled.set()
            raise
        return 7

    task = asyncio.create_task(unless_gone(client.receive, work()))
    await asyncio.sleep(0.01)
    client.leaves.set()
    async with asyncio.timeout(5):
        assert await task is None
        await is_cancelled.wait()
