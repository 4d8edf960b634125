"""AnswerStream: a chat completion as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from server.errors import ServerError
from server.protocol.errors import error_body
from server.protocol.fields import StreamOptions
from server.records.metrics import Outcome
from server.replies.chunks import DONE, ChunkWriter
from server.replies.event_stream import LastEvent
from server.replies.generation import Generation
from server.replies.generation_stream import GenerationStream
from server.replies.progress import with_progress
from server.settings import Settings


class AnswerStream(GenerationStream):
    """The chunks of a generation, as OpenAI's chat completions stream them."""

    def __init__(
        self,
        generation: Generation,
        writer: ChunkWriter,
        settings: Settings,
        options: StreamOptions,
    ) -> None:
        """Prepare the stream; nothing is asked of the engine yet."""
        super().__init__(generation, self._chunks(generation), settings)
        self._writer = writer
        self._options = options

    async def _chunks(self, generation: Generation) -> AsyncGenerator[bytes, None]:
        writer = self._writer
        yield b"".join(map(writer.begin, range(generation.num_choices)))
        written = b""  # what there is at once goes out in one write
        try:
            events = with_progress(generation) if self._options.include_progress else generation
            async for event in events:
                written += writer.write(event)
                if not (generation.has_news or generation.is_over):
                    yield written
                    written = b""
        except ServerError as error:
            self.outcome = Outcome.FAILED
            yield LastEvent(written + writer.error(error_body(error)))
            return
        if self._options.include_usage:
            written += writer.usage(generation.usage)
        yield LastEvent(written + DONE)
        self.outcome = Outcome.OK
