"""EventStream: server-sent events on one connection, kept alive, given up when nobody reads."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from server.disconnect import unless_gone
from server.settings import Settings

logger = logging.getLogger(__name__)

KEEP_ALIVE = b": \n\n"
"""A comment, which clients skip; always the same, so that it tells nothing."""
HEADERS = {
    "Cache-Control": "no-cache",
    "Connection": "keep-alive",
    "X-Accel-Buffering": "no",  # or nginx would hold the events back
}


def encode(event: dict[str, Any]) -> bytes:
    """Write a typed event in ASCII: some clients take U+2028 and its like for a line's end."""
    data = json.dumps(event, separators=(",", ":"))
    return f"event: {event['type']}\ndata: {data}\n\n".encode()


class LastEvent(bytes):
    """The end of a stream: goes out in one write with the end of the response."""


class EventStream(Response):
    """Sends events as they come; one task writes them, and timers alone watch over it.

    A client that leaves, or that leaves an event unread for the send timeout, ends it: the events'
    generator is closed. Comments go out at a fixed period, whatever else does.
    """

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[bytes, None], settings: Settings) -> None:
        """Prepare the stream; nothing is asked of the events yet."""
        self.status_code = 200
        self.background = None
        self.init_headers(HEADERS)
        self._events = events
        self._keep_alive_s = settings.keep_alive_s
        self._send_timeout_s = settings.send_timeout_s
        self._sending_since_s: float | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send the stream to its end, unless the client leaves."""
        await unless_gone(receive, self._send_all(send))

    async def _send_all(self, send: Send) -> None:
        pings = asyncio.create_task(self._ping(send)) if self._keep_alive_s else None
        try:
            async with asyncio.timeout(None) as patience, aclosing(self._events) as events:
                self._watch(patience)
                await send(
                    {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
                )
                is_whole = False
                async for data in events:
                    is_whole = isinstance(data, LastEvent)
                    await self._send(send, data, is_last=is_whole)
                if not is_whole:
                    await self._send(send, b"", is_last=True)
        except TimeoutError:
            if not patience.expired():
                raise
            logger.warning("the client stopped reading")
        finally:
            self._watching.cancel()
            if pings is not None:
                pings.cancel()

    async def _send(self, send: Send, data: bytes, *, is_last: bool) -> None:
        self._sending_since_s = asyncio.get_running_loop().time()
        await send({"type": "http.response.body", "body": data, "more_body": not is_last})
        self._sending_since_s = None

    def _watch(self, patience: asyncio.Timeout) -> None:
        """Lose patience with a send that hangs, and look again when the next could."""
        loop = asyncio.get_running_loop()
        now_s, since_s = loop.time(), self._sending_since_s
        if since_s is not None and now_s - since_s >= self._send_timeout_s:
            patience.reschedule(now_s)
            return
        due_s = (now_s if since_s is None else since_s) + self._send_timeout_s
        self._watching = loop.call_at(due_s, self._watch, patience)

    async def _ping(self, send: Send) -> None:
        while True:
            await asyncio.sleep(self._keep_alive_s)
            await send({"type": "http.response.body", "body": KEEP_ALIVE, "more_body": True})
