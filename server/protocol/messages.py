"""The messages of a conversation under OpenAI's names, and what all that is sent has in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

ROLES = ("system", "developer", "user", "assistant")


def _describe_neutral(schema: dict[str, Any], kind: type[Wire]) -> None:
    """Add the fields that may stand there with a neutral value to a JSON schema."""
    schema["properties"] |= {
        name: {"enum": [*values, None]} for name, values in kind.NEUTRAL.items()
    }


class Wire(BaseModel):
    """What a client sends: no unknown fields, no converted types, immutable once read.

    NEUTRAL: OpenAI's fields that we do not have, with the values that ask for nothing of them;
    such a value is left out, as null is.
    """

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        json_schema_extra=_describe_neutral,
    )
    NEUTRAL: ClassVar[Mapping[str, tuple[Any, ...]]] = {}

    @model_validator(mode="before")
    @classmethod
    def _drop_neutral(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        return {name: v for name, v in values.items() if not cls.is_neutral(name, v)}

    @classmethod
    def is_neutral(cls, name: str, value: Any) -> bool:
        """Tell whether a field that we do not have asks for nothing; 0 and false differ."""
        if name not in cls.NEUTRAL:
            return False
        return value is None or any(
            value == neutral and isinstance(value, bool) == isinstance(neutral, bool)
            for neutral in cls.NEUTRAL[name]
        )


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
    NEUTRAL = {
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
    reasoning: str | None = Field(default=None, exclude=True)


Message = Annotated[SystemMessage | UserMessage | AssistantMessage, Field(discriminator="role")]
