"""The messages of a conversation under OpenAI's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator
from pydantic_core import PydanticCustomError, PydanticKnownError

from server.protocol.tools import Id, ToolCall
from server.protocol.wire import Wire

ROLES = ("system", "developer", "user", "assistant", "tool")


class TextPart(Wire):
    """A piece of a message's text."""

    type: Literal["text"]
    text: str


def _as_parts(content: Any) -> Any:
    """Turn a plain string into one text part; refuse parts that are not text by name."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        raise PydanticCustomError("content", "it must be a string or a list of text parts")
    for part in content:
        if not isinstance(part, dict) or part.get("type") != "text":
            raise PydanticCustomError("content", "only parts of type 'text' are supported")
    return content


Content = Annotated[
    list[TextPart],
    BeforeValidator(_as_parts),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"type": {"const": "text"}, "text": {"type": "string"}},
                        "required": ["type", "text"],
                        "additionalProperties": False,
                    },
                },
            ]
        }
    ),
]


def _text(parts: Sequence[TextPart]) -> str:
    """Join the parts of a message, which stand on lines of their own."""
    return "\n".join(part.text for part in parts)


class _Message(Wire):
    NEUTRAL = {  # noqa: RUF012  (a ClassVar of Wire)
        "annotations": ([],),
        "audio": (),
        "function_call": (),
        "refusal": (),
        "tool_calls": ([],),
    }

    content: Content
    name: str | None = Field(default=None, exclude=True)
    """Who speaks, by name: read and dropped, as no template has a place for it."""

    @property
    def text(self) -> str:
        """The text of the message."""
        return _text(self.content)


class SystemMessage(_Message):
    """Instructions of whoever runs the application."""

    role: Literal["system", "developer"]


class UserMessage(_Message):
    """What the person asks."""

    role: Literal["user"]


def _as_calls(calls: Any) -> Any:
    return None if calls == [] else calls


class AssistantMessage(Wire):
    """An earlier answer, text or calls or both; reasoning that came with it is read and dropped."""

    NEUTRAL = {"annotations": ([],), "audio": (), "function_call": (), "refusal": ()}  # noqa: RUF012  (a ClassVar of Wire)

    role: Literal["assistant"]
    tool_calls: Annotated[list[ToolCall] | None, BeforeValidator(_as_calls)] = None
    content: Annotated[Content | None, Field(validate_default=True)] = None
    name: str | None = Field(default=None, exclude=True)
    reasoning: str | None = Field(default=None, exclude=True)
    reasoning_content: str | None = Field(default=None, exclude=True)
    parsed: Any = Field(default=None, exclude=True)
    provider_specific_fields: Any = Field(default=None, exclude=True)
    """Both are what clients add to a reply of theirs, and send back with it: dropped."""

    @field_validator("content", mode="after")
    @classmethod
    def _need_something(
        cls, content: list[TextPart] | None, info: ValidationInfo
    ) -> list[TextPart] | None:
        if content is None and not info.data.get("tool_calls"):
            raise PydanticKnownError("missing")
        return content

    @property
    def text(self) -> str:
        """The text of the message, if it has one."""
        return _text(self.content or ())


class ToolMessage(Wire):
    """What a call of the assistant's has returned."""

    role: Literal["tool"]
    content: Content
    tool_call_id: Id
    name: str | None = Field(default=None, exclude=True)

    @property
    def text(self) -> str:
        """The text of the result."""
        return _text(self.content)


Message = Annotated[
    SystemMessage | UserMessage | AssistantMessage | ToolMessage, Field(discriminator="role")
]
