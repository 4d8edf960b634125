"""ChunkWriter: the events of a streamed chat completion, as OpenAI writes them."""

from __future__ import annotations

import json

from server.choice import AnswerDelta, ChoiceEnd, Event, ToolCallDelta
from server.protocol.chat import Usage
from server.protocol.errors import ErrorBody

DONE = b"data: [DONE]\n\n"


class ChunkWriter:
    """Writes the chunks of one stream; all share id, time and model, so these are written once."""

    def __init__(
        self, id: str, created: int, model: str, fingerprint: str, *, has_usage: bool
    ) -> None:
        """Write the parts that every chunk has."""
        shared = {
            "id": id,
            "object": "chat.completion.chunk",
            "created": created,
            "model": model,
            "system_fingerprint": fingerprint,
        }
        self._head = "data: " + json.dumps(shared, separators=(",", ":"))[:-1] + ',"choices":['
        self._tail = '],"usage":null}\n\n' if has_usage else "]}\n\n"

    def begin(self, index: int) -> bytes:
        """Write the first chunk of a choice: whose words follow."""
        return self._chunk(index, '{"role":"assistant","content":"","refusal":null}')

    def write(self, event: Event) -> bytes:
        """Write one event of a choice."""
        if isinstance(event, ChoiceEnd):
            return self._chunk(event.index, "{}", f'"{event.finish_reason}"')
        if isinstance(event, ToolCallDelta):
            raise NotImplementedError
        field = "content" if isinstance(event, AnswerDelta) else "reasoning"
        # In ASCII: some clients take U+2028 and its like for the end of a line.
        text = json.dumps(event.text)
        return self._chunk(event.index, f'{{"{field}":{text}}}')

    def usage(self, usage: Usage) -> bytes:
        """Write the last chunk, which has no choices."""
        return f'{self._head}],"usage":{usage.model_dump_json()}}}\n\n'.encode()

    def error(self, body: ErrorBody) -> bytes:
        """Write what went wrong after the stream had begun."""
        return f"data: {body.model_dump_json()}\n\n".encode()

    def _chunk(self, index: int, delta: str, reason: str = "null") -> bytes:
        choice = f'{{"index":{index},"delta":{delta},"logprobs":null,"finish_reason":{reason}}}'
        return f"{self._head}{choice}{self._tail}".encode()
