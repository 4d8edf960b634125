"""The items of a response's input under OpenAI's names, as they come and as they are kept."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from server.protocol.wire import Wire, unsupported

Item = dict[str, Any]
TEXT_PARTS = ("input_text", "output_text")
ITEM_TYPES = ("message", "function_call", "function_call_output", "reasoning")
ItemStatus = Literal["in_progress", "completed", "incomplete"]


def new_id(kind: str) -> str:
    """Make an id that no other thing has; `kind` is its prefix."""
    return f"{kind}_{secrets.token_hex(24)}"


class ItemPart(Wire):
    """A piece of text; what an earlier answer carried beside it is read and dropped."""

    type: Literal["input_text", "output_text"]
    text: str
    annotations: list[Any] | None = Field(default=None, exclude=True)
    logprobs: list[Any] | None = Field(default=None, exclude=True)


def _as_parts(content: Any) -> Any:
    """Turn a plain string into one part; refuse parts that are not text by name."""
    if isinstance(content, str):
        return [{"type": "input_text", "text": content}]
    if not isinstance(content, list):
        raise PydanticCustomError("content", "it must be a string or a list of text parts")
    for part in content:
        if not isinstance(part, dict) or part.get("type") not in TEXT_PARTS:
            raise PydanticCustomError(
                "content", "only parts of type 'input_text' and 'output_text' are supported"
            )
    return content


Parts = Annotated[
    list[ItemPart],
    BeforeValidator(_as_parts),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "type": {"enum": list(TEXT_PARTS)},
                            "text": {"type": "string"},
                        },
                        "required": ["type", "text"],
                    },
                },
            ]
        }
    ),
]


class MessageItem(Wire):
    """A message of any role; an earlier answer is one of the assistant."""

    NEUTRAL = {"phase": ("commentary", "final_answer")}  # noqa: RUF012  (a ClassVar of Wire)

    type: Literal["message"]
    role: Literal["user", "system", "developer", "assistant"]
    content: Parts
    id: str | None = None
    status: ItemStatus | None = None

    def kept(self) -> Item:
        """Write the item as it is stored and listed."""
        is_answer = self.role == "assistant"
        kind: Item = {"type": TEXT_PARTS[is_answer]} | ({"annotations": []} if is_answer else {})
        return {
            "id": new_id("msg"),
            "type": "message",
            "role": self.role,
            "status": "completed",
            "content": [kind | {"text": part.text} for part in self.content],
        }


class FunctionCallItem(Wire):
    """An earlier call of a function; `arguments` is JSON."""

    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str
    id: str | None = None
    status: ItemStatus | None = None

    def kept(self) -> Item:
        """Write the item as it is stored and listed."""
        call = {"call_id": self.call_id, "name": self.name, "arguments": self.arguments}
        return {"id": new_id("fc"), "type": self.type, **call, "status": "completed"}


class FunctionCallOutputItem(Wire):
    """What the function returned."""

    type: Literal["function_call_output"]
    call_id: str
    output: Parts
    id: str | None = None
    status: ItemStatus | None = None

    def kept(self) -> Item:
        """Write the item as it is stored and listed."""
        text = "\n".join(part.text for part in self.output)
        item = {"id": new_id("fco"), "type": self.type, "call_id": self.call_id, "output": text}
        return item | {"status": "completed"}


class ReasoningItem(Wire):
    """Reasoning of an earlier response: what it says is read and dropped, its seal is checked."""

    type: Literal["reasoning"]
    id: str | None = None
    summary: list[Any] | None = Field(default=None, exclude=True)
    content: list[Any] | None = Field(default=None, exclude=True)
    encrypted_content: str | None = None
    status: ItemStatus | None = None

    def kept(self) -> Item:
        """Write the item as it is stored and listed: without any text."""
        return {"id": new_id("rs"), "type": self.type, "summary": []}


def _as_items(items: Any) -> Any:
    """Turn a plain string into one message; refuse kinds of items that are not there by name."""
    if isinstance(items, str):
        return [{"type": "message", "role": "user", "content": items}]
    if not isinstance(items, list):
        raise PydanticCustomError("items", "it must be a string or a list of items")
    return [_typed(number, item) for number, item in enumerate(items)]


def _typed(number: int, item: Any) -> Any:
    if not isinstance(item, Mapping):
        raise PydanticCustomError(
            "items", "every item must be an object, came another at {at}", {"at": number}
        )
    kind = item.get("type", "message")
    if kind not in ITEM_TYPES:
        types = ", ".join(map(repr, ITEM_TYPES))
        raise unsupported(f"input[{number}].type", f"it must be one of {types}")
    return {**item, "type": kind}


InputItem = Annotated[
    MessageItem | FunctionCallItem | FunctionCallOutputItem | ReasoningItem,
    Field(discriminator="type"),
]
Input = Annotated[
    list[InputItem],
    Field(min_length=1),
    BeforeValidator(_as_items, json_schema_input_type=str | list[InputItem]),
]


def chat_messages(items: Iterable[Item]) -> list[Item]:
    """Write kept items as the messages of a chat; calls join the answer they follow."""
    messages: list[Item] = []
    for item in items:
        if item["type"] == "message":
            content = [{"type": "text", "text": part["text"]} for part in item["content"]]
            messages.append({"role": item["role"], "content": content})
        elif item["type"] == "function_call":
            _add_call(messages, item)
        elif item["type"] == "function_call_output":
            message = {"role": "tool", "tool_call_id": item["call_id"], "content": item["output"]}
            messages.append(message)
    return messages


def _add_call(messages: list[Item], item: Item) -> None:
    function = {"name": item["name"], "arguments": item["arguments"]}
    call = {"id": item["call_id"], "type": "function", "function": function}
    if not messages or messages[-1]["role"] != "assistant":
        messages.append({"role": "assistant", "content": None})
    messages[-1].setdefault("tool_calls", []).append(call)
