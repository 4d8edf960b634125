"""AnthropicWriter: what a generation answers, as the events and blocks of one message."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from server.errors import ServerError
from server.protocol.anthropic import (
    AnthropicMessage,
    MessageUsage,
    StopReason,
    ThinkingTokens,
    anthropic_error,
)
from server.protocol.chat import Usage
from server.replies.choice import AnswerDelta, ChoiceEnd, Event, ToolCallDelta

MessageEvent = dict[str, Any]
REASONS: dict[str, StopReason] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
}


class AnthropicWriter:
    """Writes one message: its events in Anthropic's order, without the thinking; one per request.

    `message` is the whole as it stands.
    """

    def __init__(self, id: str, model: str) -> None:
        """Begin with no content."""
        self._id, self._model = id, model
        self._content: list[dict[str, Any]] = []
        self._pieces: list[str] = []  # of the text or the input of the block that is open
        self._end: ChoiceEnd | None = None
        self._is_open = False

    def begin(self, usage: Usage) -> Iterator[MessageEvent]:
        """Say that there will be a message, and that the model is alive while it thinks."""
        yield {"type": "message_start", "message": self.message(usage)}
        yield {"type": "ping"}

    def write(self, event: Event) -> Iterator[MessageEvent]:
        """Write one event of the choice."""
        if isinstance(event, ChoiceEnd):
            yield from self._close()
            self._end = event
        elif isinstance(event, AnswerDelta):
            if not (self._is_open and self._content[-1]["type"] == "text"):
                yield from self._open({"type": "text", "text": ""})
            yield self._add({"type": "text_delta", "text": event.text}, event.text)
        elif isinstance(event, ToolCallDelta):
            if event.name is not None:
                named = {"id": event.id, "name": event.name}
                yield from self._open({"type": "tool_use", **named, "input": {}})
            if event.arguments:
                delta = {"type": "input_json_delta", "partial_json": event.arguments}
                yield self._add(delta, event.arguments)

    def end(self, usage: Usage) -> Iterator[MessageEvent]:
        """Say why the message ended and what it cost."""
        message = self.message(usage)
        delta = {name: message[name] for name in ("stop_reason", "stop_sequence")}
        yield {"type": "message_delta", "delta": delta, "usage": message["usage"]}
        yield {"type": "message_stop"}

    def fail(self, error: ServerError) -> MessageEvent:
        """Say what went wrong after the message had begun."""
        return anthropic_error(error).model_dump()

    def message(self, usage: Usage) -> dict[str, Any]:
        """Return the message as it stands."""
        hidden = usage.completion_tokens_details.reasoning_tokens
        stop = None if self._end is None else self._end.stop
        reason: StopReason | None = "stop_sequence" if stop else None
        if self._end is not None and not stop:
            reason = REASONS[self._end.finish_reason]
        message = AnthropicMessage(
            id=self._id,
            model=self._model,
            content=self._content,
            stop_reason=reason,
            stop_sequence=stop,
            usage=MessageUsage(
                input_tokens=usage.prompt_tokens,
                output_tokens=usage.completion_tokens,
                output_tokens_details=ThinkingTokens(thinking_tokens=hidden),
            ),
        )
        return message.model_dump(mode="json")

    def _open(self, block: dict[str, Any]) -> Iterator[MessageEvent]:
        yield from self._close()
        self._content.append(block)
        self._is_open = True
        yield self._at({"type": "content_block_start"}, content_block=dict(block))

    def _add(self, delta: dict[str, Any], piece: str) -> MessageEvent:
        self._pieces.append(piece)
        return self._at({"type": "content_block_delta"}, delta=delta)

    def _close(self) -> Iterator[MessageEvent]:
        if not self._is_open:
            return
        self._is_open = False
        block, written = self._content[-1], "".join(self._pieces)
        self._pieces.clear()
        if block["type"] == "text":
            block["text"] = written
        else:
            block["input"] = _arguments(written)
        yield self._at({"type": "content_block_stop"})

    def _at(self, event: MessageEvent, **fields: Any) -> MessageEvent:
        return event | {"index": len(self._content) - 1} | fields


def _arguments(text: str) -> dict[str, Any]:
    """Read a call's arguments; the sampler keeps them JSON, but a call may have been cut."""
    try:
        read = json.loads(text or "{}")
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
