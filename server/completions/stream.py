"""CompletionStream: a legacy completion as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from server.completions.batch import Batch
from server.completions.completions import CompletionWriter
from server.errors import ServerError
from server.protocol.completions import Completion
from server.protocol.errors import error_body
from server.protocol.fields import StreamOptions
from server.records.metrics import Outcome
from server.replies.chunks import DONE
from server.replies.generation_stream import GenerationStream
from server.replies.progress import Progress, with_progress
from server.settings import Settings


class CompletionStream(GenerationStream):
    """The chunks of a batch, as OpenAI's legacy completions stream them."""

    def __init__(
        self,
        batch: Batch,
        writer: CompletionWriter,
        head: dict[str, Any],
        settings: Settings,
        options: StreamOptions,
    ) -> None:
        """Prepare the stream; nothing is asked of the engine yet; head: what chunks share."""
        super().__init__(batch, self._chunks(), settings)
        self._batch = batch
        self._writer = writer
        self._options = options
        self._head = head | ({"usage": None} if options.include_usage else {})

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        writer, batch = self._writer, self._batch
        for piece in writer.begin():
            yield self._chunk(choices=[piece])
        try:
            async for event in with_progress(batch) if self._options.include_progress else batch:
                if isinstance(event, Progress):
                    yield self._chunk(choices=[], progress=event)
                else:
                    yield self._chunk(choices=[writer.write(event)])
        except ServerError as error:
            self.outcome = Outcome.FAILED
            yield b"data: %b\n\n" % error_body(error).model_dump_json().encode()
            return
        if self._options.include_usage:
            yield self._chunk(choices=[], usage=batch.usage)
        yield DONE
        self.outcome = Outcome.OK

    def _chunk(self, **fields: Any) -> bytes:
        chunk = CompletionChunk.model_validate(self._head | fields)
        # In ASCII: some clients take U+2028 and its like for the end of a line.
        text = chunk.model_dump_json(exclude_unset=True, ensure_ascii=True)
        return f"data: {text}\n\n".encode()


class CompletionChunk(Completion):
    """A chunk, which may tell the progress instead of an answer."""

    progress: Progress | None = None
