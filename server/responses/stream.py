"""Responses as server-sent events, as they are written and again later."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from server.records.metrics import Outcome
from server.replies.event_stream import EventStream, encode
from server.replies.generation_stream import GenerationStream
from server.responses.run import ResponseRun
from server.settings import Settings


class ResponseStream(GenerationStream):
    """A response as it is written; a client that leaves ends it."""

    def __init__(self, run: ResponseRun, settings: Settings) -> None:
        """Prepare the stream; nothing is asked of the engine yet."""
        super().__init__(run.generation, self._written(run), settings)

    async def _written(self, run: ResponseRun) -> AsyncGenerator[bytes, None]:
        async for event in run.events():
            yield encode(event)
        self.outcome = Outcome.OK if run.failure is None else Outcome.FAILED


class FollowedStream(EventStream):
    """The events of a response that goes on, or is whole, whether or not the client stays."""

    def __init__(self, events: AsyncIterator[dict[str, Any]], settings: Settings) -> None:
        """Prepare the stream."""
        super().__init__(_encoded(events), settings)


async def _encoded(events: AsyncIterator[dict[str, Any]]) -> AsyncGenerator[bytes, None]:
    async for event in events:
        yield encode(event)
