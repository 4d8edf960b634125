"""GenerationStream: a generation as server-sent events, kept alive while the model thinks."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from starlette.types import Receive, Scope, Send

from server.completions.batch import Batch
from server.disconnect import unless_gone
from server.records.metrics import Outcome
from server.replies.event_stream import EventStream
from server.replies.generation import Generation
from server.settings import Settings


class GenerationStream(EventStream):
    """The response that runs a generation; a client that leaves closes it, which aborts it.

    Each API has a kind of its own, which writes the events and sets `outcome` after the last.
    """

    def __init__(
        self,
        generation: Generation | Batch,
        events: AsyncGenerator[bytes, None],
        settings: Settings,
    ) -> None:
        """Prepare the stream; nothing is asked of the engine yet."""
        super().__init__(events, settings)
        self.outcome = Outcome.DISCONNECTED
        self._generation = generation
        self._admission_s = settings.admission_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the generation and send it; an engine that refuses gets its own status."""
        state = scope["state"]
        async with self._generation as generation:
            try:
                is_here = await unless_gone(receive, self._admit())
                state["outcome"] = Outcome.DISCONNECTED  # until the stream is whole
                if is_here:
                    await super().__call__(scope, receive, send)
                    state["outcome"] = self.outcome
            finally:
                state["usage"] = generation.usage

    async def _admit(self) -> bool:
        await self._generation.wait_for_admission(self._admission_s)
        return True
