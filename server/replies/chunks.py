"""ChunkWriter: the events of a streamed chat completion, as OpenAI writes them."""

from __future__ import annotations

import json
import secrets

from server.keys.policy import ReasoningField
from server.protocol.chat import ChatCompletionRequest, Usage
from server.protocol.errors import ErrorBody
from server.protocol.fields import StreamOptions
from server.replies.choice import AnswerDelta, ChoiceEnd, Event, ToolCallDelta
from server.replies.logprobs import as_json
from server.replies.progress import Progress

DONE = b"data: [DONE]\n\n"
PADDED_TO = 32  # characters: all that the size of an obfuscated chunk tells of its delta


class ChunkWriter:
    """Writes the chunks of one stream; all share id, time and model, so these are written once."""

    def __init__(
        self,
        id: str,
        created: int,
        request: ChatCompletionRequest,
        fingerprint: str,
        *,
        may_call: bool = False,
        reasoning_field: ReasoningField = "reasoning",
    ) -> None:
        """Write the parts that every chunk has; where answers may be calls, content begins null."""
        self._reasoning_field = reasoning_field
        shared = {
            "id": id,
            "object": "chat.completion.chunk",
            "created": created,
            "model": request.model,
            "system_fingerprint": fingerprint,
        } | ({"service_tier": "default"} if request.service_tier else {})
        options = request.stream_options or StreamOptions()
        self._head = "data: " + json.dumps(shared, separators=(",", ":"))[:-1] + ',"choices":['
        self._tail = "]" + (',"usage":null' if options.include_usage else "")
        self._is_padded = bool(options.include_obfuscation)
        self._content = "null" if may_call else '""'

    def begin(self, index: int) -> bytes:
        """Write the first chunk of a choice: whose words follow."""
        delta = f'{{"role":"assistant","content":{self._content},"refusal":null}}'
        return self._chunk(index, delta)

    def write(self, event: Event | Progress) -> bytes:
        """Write one event of a choice, or the progress of all."""
        if isinstance(event, Progress):
            return self._progress(event)
        if isinstance(event, ChoiceEnd):
            return self._end(event)
        if isinstance(event, ToolCallDelta):
            return self._chunk(event.index, f'{{"tool_calls":[{_call(event)}]}}')
        field = "content" if isinstance(event, AnswerDelta) else self._reasoning_field
        # In ASCII: some clients take U+2028 and its like for the end of a line.
        delta = f'{{"{field}":{json.dumps(event.text)}}}'
        if isinstance(event, AnswerDelta) and event.logprobs is not None:
            content = json.dumps(as_json(event.logprobs), separators=(",", ":"))
            return self._chunk(event.index, delta, f'{{"content":{content},"refusal":null}}')
        return self._chunk(event.index, delta)

    def usage(self, usage: Usage) -> bytes:
        """Write the last chunk, which has no choices."""
        return f'{self._head}],"usage":{usage.model_dump_json()}}}\n\n'.encode()

    def error(self, body: ErrorBody) -> bytes:
        """Write what went wrong after the stream had begun."""
        return f"data: {body.model_dump_json()}\n\n".encode()

    def _progress(self, progress: Progress) -> bytes:
        """Write a chunk without choices: where the reply is, in numbers."""
        numbers = f'"hidden_tokens":{progress.hidden_tokens},"elapsed_s":{progress.elapsed_s}'
        where = f'"progress":{{"section":"{progress.section}",{numbers}}}'
        return f"{self._head}{self._tail},{where}}}\n\n".encode()

    def _end(self, end: ChoiceEnd) -> bytes:
        hits = f',"budget_hits":{json.dumps(end.hits)}' if end.hits else ""
        return self._chunk(end.index, "{}", reason=f'"{end.finish_reason}"{hits}')

    def _chunk(
        self, index: int, delta: str, logprobs: str = "null", *, reason: str = "null"
    ) -> bytes:
        rest = f'"logprobs":{logprobs},"finish_reason":{reason}'
        choice = f'{{"index":{index},"delta":{delta},{rest}}}'
        padding = self._padding(choice) if self._is_padded else ""
        return f"{self._head}{choice}{self._tail}{padding}}}\n\n".encode()

    def _padding(self, choice: str) -> str:
        """Return a field of random text that brings the chunk to a round length."""
        num_missing = -len(choice) % PADDED_TO
        return f',"obfuscation":"{secrets.token_hex(PADDED_TO)[:num_missing]}"'


def _call(event: ToolCallDelta) -> str:
    """Write more of a call; its first piece says what it is."""
    function: dict[str, str] = {} if event.name is None else {"name": event.name}
    function["arguments"] = event.arguments
    call: dict[str, object] = {"index": event.call}
    if event.id is not None:
        call |= {"id": event.id, "type": "function"}
    return json.dumps(call | {"function": function}, separators=(",", ":"))
