"""ResponseRun: one response from the first event to the store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

from server.errors import ServerError
from server.protocol.response_items import Item
from server.records.logs import trace_of
from server.replies.generation import Generation
from server.responses.store import ResponseStore
from server.responses.writer import ResponseEvent, ResponseWriter

logger = logging.getLogger(__name__)


class ResponseRun:
    """The making of one response; its generation must be entered while it is.

    What ends well is in the store before its last event is told, so that it is found by whoever
    has seen that event; what a client leaves unfinished is not kept.
    """

    def __init__(
        self,
        generation: Generation,
        writer: ResponseWriter,
        store: ResponseStore | None,
        key_id: str,
        context: list[Item],
    ) -> None:
        """Prepare; `store` is None for one that must not be kept."""
        self.generation = generation
        self.failure: ServerError | None = None
        self._writer, self._store = writer, store
        self._key_id, self._context = key_id, context

    @property
    def response(self) -> dict[str, Any]:
        """The response as it stands."""
        return self._writer.response

    async def events(self) -> AsyncIterator[ResponseEvent]:
        """Write the response, event by event; a failure is its last event."""
        for event in self._writer.begin():
            yield event
        try:
            if self.response["background"]:
                await self.generation.wait_for_admission(None)
            for event in self._writer.start():
                yield event
            async for one in self.generation:
                for event in self._writer.write(one):
                    yield event
            last = self._writer.end(self.generation.usage)
        except ServerError as error:
            self.failure = error
            last = self._writer.fail(error)
        if not self.response["background"]:
            last = await self._end(last)
        yield last

    async def keep_unfinished(self) -> None:
        """Let the store know of a response that will go on in the background."""
        await self._keep(is_done=False)

    async def _end(self, last: ResponseEvent) -> ResponseEvent:
        """Keep what has ended; return the last event, which is a failure where the store fails."""
        try:
            await self._keep(is_done=True)
        except Exception as error:  # noqa: BLE001  (a stream must not break off)
            logger.error("a response could not be stored: %s", trace_of(error))
            self.failure = ServerError(
                "The response could not be stored: try again, or leave it out with 'store': false."
            )
            failed = self._writer.fail(self.failure)
            return failed | {"sequence_number": last["sequence_number"]}
        return last

    async def _keep(self, *, is_done: bool) -> None:
        if self._store is not None:
            arguments = (self._key_id, self.response, self._context)
            await asyncio.to_thread(self._store.insert, *arguments, is_done=is_done)
