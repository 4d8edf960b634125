"""ResponseWriter: what a generation answers, as the events and the items of one response."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from server.errors import QueueFull, ServerError
from server.protocol.chat import Usage
from server.protocol.response_items import Item, new_id
from server.protocol.responses import Response
from server.replies.choice import AnswerDelta, ChoiceEnd, Event, ToolCallDelta
from server.replies.logprobs import as_json

ResponseEvent = dict[str, Any]
SealItem = Callable[[str], str]
ENDS = {"stop": "completed", "tool_calls": "completed", "length": "incomplete"}
# What OpenAI's description has as "not there" where it is not known, all else being null.
LEFT_OUT = ("user", "usage", "prompt_cache_key", "safety_identifier")


class ResponseWriter:
    """Writes one response: its events in OpenAI's order, numbered from 0; one per request.

    The reasoning is an item without text, which is open while the model thinks. `response` is the
    whole as it stands; events hold copies of it.
    """

    def __init__(self, response: Response, *, has_reasoning: bool, seal: SealItem | None) -> None:
        """Begin with no output; `seal` seals the reasoning by its id, if that is wanted."""
        unknown = {name for name in LEFT_OUT if getattr(response, name) is None}
        self.response: dict[str, Any] = response.model_dump(mode="json", exclude=unknown)
        self.is_done = False
        self._output: list[Item] = self.response["output"]
        self._has_reasoning = has_reasoning
        self._seal = seal
        self._num_events = 0
        self._open: Item = {}  # the item that is being written; empty where none is
        self._pieces: list[str] = []  # of the text or the arguments of the item that is open
        self._logprobs: list[Any] = []

    def begin(self) -> Iterator[ResponseEvent]:
        """Say that the response exists."""
        yield self._snapshot("created")
        if self.response["status"] == "queued":
            yield self._snapshot("queued")

    def start(self) -> Iterator[ResponseEvent]:
        """Say that the engine has begun."""
        self.response["status"] = "in_progress"
        yield self._snapshot("in_progress")
        if self._has_reasoning:
            yield self._add({"id": new_id("rs"), "type": "reasoning", "summary": []})

    def write(self, event: Event) -> Iterator[ResponseEvent]:
        """Write one event of the choice."""
        if isinstance(event, ChoiceEnd):
            yield from self._close(ENDS[event.finish_reason])
            self._finish(ENDS[event.finish_reason])
        elif isinstance(event, AnswerDelta):
            if self._open.get("type") != "message":
                yield from self._close("completed")
                yield from self._open_message()
            yield self._write_text(event)
        elif isinstance(event, ToolCallDelta):
            if event.name is not None:
                yield from self._close("completed")
                yield self._open_call(event)
            if event.arguments:
                yield self._write_arguments(event.arguments)

    def end(self, usage: Usage) -> ResponseEvent:
        """Say how the response ended, with what it cost."""
        reasoning = usage.completion_tokens_details.reasoning_tokens
        self.response["usage"] = {
            "input_tokens": usage.prompt_tokens,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": usage.completion_tokens,
            "output_tokens_details": {"reasoning_tokens": reasoning},
            "total_tokens": usage.total_tokens,
        }
        return self._last()

    def fail(self, error: ServerError) -> ResponseEvent:
        """Say that the response failed; what was written of it stays, as incomplete."""
        code = "rate_limit_exceeded" if isinstance(error, QueueFull) else "server_error"
        self.response["error"] = {"code": code, "message": error.message}
        self.response |= {"completed_at": None, "incomplete_details": None}
        self._settle("incomplete")
        self._finish("failed")
        return self._last()

    def _last(self) -> ResponseEvent:
        self.is_done = True
        return self._snapshot(self.response["status"])

    def _finish(self, status: str) -> None:
        self.response["status"] = status
        if status == "completed":
            self.response["completed_at"] = int(time.time())
        if status == "incomplete":
            self.response["incomplete_details"] = {"reason": "max_output_tokens"}

    def _open_message(self) -> Iterator[ResponseEvent]:
        message = {"id": new_id("msg"), "type": "message", "role": "assistant"}
        yield self._add(message | {"status": "in_progress", "content": []})
        part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        self._open["content"].append(part)
        yield self._event("content_part.added", content_index=0, part=dict(part))

    def _write_text(self, event: AnswerDelta) -> ResponseEvent:
        self._pieces.append(event.text)
        logprobs = as_json(event.logprobs or ())
        self._logprobs += logprobs
        return self._event(
            "output_text.delta", content_index=0, delta=event.text, logprobs=logprobs
        )

    def _open_call(self, call: ToolCallDelta) -> ResponseEvent:
        item = {"id": new_id("fc"), "type": "function_call", "status": "in_progress"}
        return self._add(item | {"call_id": call.id, "name": call.name, "arguments": ""})

    def _write_arguments(self, arguments: str) -> ResponseEvent:
        self._pieces.append(arguments)
        return self._event("function_call_arguments.delta", delta=arguments)

    def _close(self, status: str) -> Iterator[ResponseEvent]:
        """Say that the open item is whole, if there is one."""
        item = self._open
        if not item:
            return
        self._settle(status)
        if item["type"] == "message":
            (part,) = item["content"]
            text = {"text": part["text"], "logprobs": part["logprobs"]}
            yield self._event("output_text.done", content_index=0, **text)
            yield self._event("content_part.done", content_index=0, part=dict(part))
        elif item["type"] == "function_call":
            call = {"name": item["name"], "arguments": item["arguments"]}
            yield self._event("function_call_arguments.done", **call)
        elif self._seal is not None:
            item["encrypted_content"] = self._seal(item["id"])
        yield self._event("output_item.done", item=_copy(item))
        self._open = {}

    def _settle(self, status: str) -> None:
        """Put what was written into the open item."""
        item, written = self._open, "".join(self._pieces)
        self._pieces.clear()
        if item.get("type") in (None, "reasoning"):
            return
        item["status"] = status
        if item["type"] == "message":
            item["content"][0] |= {"text": written, "logprobs": self._logprobs}
            self._logprobs = []
        else:
            item["arguments"] = written

    def _add(self, item: Item) -> ResponseEvent:
        self._open = item
        self._output.append(item)
        index = len(self._output) - 1
        return self._number("output_item.added", output_index=index, item=_copy(item))

    def _snapshot(self, name: str) -> ResponseEvent:
        output = [_copy(item) for item in self._output]
        return self._number(name, response=self.response | {"output": output})

    def _event(self, name: str, /, **fields: Any) -> ResponseEvent:
        """Make an event of the item that is open; the item's own event holds its id."""
        place = {"output_index": len(self._output) - 1}
        if name != "output_item.done":
            place |= {"item_id": self._open["id"]}
        return self._number(name, **place, **fields)

    def _number(self, name: str, /, **fields: Any) -> ResponseEvent:
        number = self._num_events
        self._num_events += 1
        return {"type": f"response.{name}", "sequence_number": number, **fields}


def _copy(item: Item) -> Item:
    """Copy an item as far as it may still change."""
    content = item.get("content")
    return item | ({} if content is None else {"content": [dict(part) for part in content]})
