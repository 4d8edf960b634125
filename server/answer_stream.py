"""AnswerStream: a generation as server-sent events, kept alive while the model thinks."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import SendTimeoutError
from starlette.types import Receive, Scope, Send

from server.chunks import DONE, ChunkWriter
from server.disconnect import unless_gone
from server.errors import ServerError
from server.generation import Generation
from server.metrics import Outcome
from server.protocol.errors import error_body
from server.settings import Settings

logger = logging.getLogger(__name__)


def keep_alive() -> ServerSentEvent:
    """Make a comment, which clients skip; always the same, so that it tells nothing."""
    return ServerSentEvent(comment="", sep="\n")


class AnswerStream(EventSourceResponse):
    """The response that runs a generation; a client that leaves closes it, which aborts it."""

    def __init__(
        self, generation: Generation, writer: ChunkWriter, settings: Settings, *, has_usage: bool
    ) -> None:
        """Prepare the stream; nothing is asked of the engine yet."""
        super().__init__(
            self._chunks(),
            ping=settings.keep_alive_s,
            ping_message_factory=keep_alive,
            send_timeout=settings.send_timeout_s,
            headers={"Cache-Control": "no-cache"},
        )
        self._generation = generation
        self._writer = writer
        self._admission_s = settings.admission_s
        self._has_usage = has_usage
        self._outcome = Outcome.DISCONNECTED

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the generation and send it; an engine that refuses gets its own status."""
        state = scope["state"]
        async with self._generation as generation:
            try:
                is_here = await unless_gone(receive, self._admit())
                state["outcome"] = Outcome.DISCONNECTED  # until the stream is whole
                if is_here:
                    await super().__call__(scope, receive, send)
                    state["outcome"] = self._outcome
            except SendTimeoutError:
                logger.warning("the client stopped reading")
            finally:
                state["usage"] = generation.usage

    async def _admit(self) -> bool:
        await self._generation.wait_for_admission(self._admission_s)
        return True

    async def _chunks(self) -> AsyncIterator[bytes]:
        generation, writer = self._generation, self._writer
        for index in range(generation.num_choices):
            yield writer.begin(index)
        try:
            async for event in generation:
                yield writer.write(event)
        except ServerError as error:
            self._outcome = Outcome.FAILED
            yield writer.error(error_body(error))
            return
        if self._has_usage:
            yield writer.usage(generation.usage)
        yield DONE
        self._outcome = Outcome.OK
