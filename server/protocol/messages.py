"""The messages of a conversation under OpenAI's names, and what all that is sent has in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

UNSUPPORTED = frozenset({"annotations", "audio", "function_call", "name", "tool_calls"})


def without_nulls(values: Any, names: frozenset[str]) -> Any:
    """Leave out nulls under names that we know and do not have."""
    if not isinstance(values, Mapping):
        return values
    return {key: v for key, v in values.items() if v is not None or key not in names}


class Wire(BaseModel):
    """What a client sends: no unknown fields, no converted types, immutable once read."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


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


class _Message(Wire):
    content: Content

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, message: Any) -> Any:
        return without_nulls(message, UNSUPPORTED)

    @property
    def text(self) -> str:
        """The text of the message; several parts stand on lines of their own."""
        return "\n".join(part.text for part in self.content)


class SystemMessage(_Message):
    """Instructions of whoever runs the application."""

    role: Literal["system", "developer"]


class UserMessage(_Message):
    """What the person asks."""

    role: Literal["user"]


class AssistantMessage(_Message):
    """An earlier answer; reasoning that came with it is read and dropped."""

    role: Literal["assistant"]
    refusal: None = None
    reasoning: str | None = Field(default=None, exclude=True)


Message = Annotated[SystemMessage | UserMessage | AssistantMessage, Field(discriminator="role")]
