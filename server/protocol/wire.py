"""What all that clients send has in common: the strictness, and fields that ask for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, model_validator
from pydantic_core import CoreSchema, PydanticCustomError


def _describe_neutral(schema: dict[str, Any], kind: type[Wire]) -> None:
    """Add the fields that may stand there with a neutral value to a JSON schema."""
    schema["properties"] |= {
        name: {"enum": [*values, None]} for name, values in kind.NEUTRAL.items()
    }


def _stop_early(schema: Any) -> None:
    if isinstance(schema, dict):
        if schema.get("type") == "list":
            schema["fail_fast"] = True
        for inner in schema.values():
            _stop_early(inner)
    elif isinstance(schema, (list, tuple)):
        for inner in schema:
            _stop_early(inner)


class Wire(BaseModel):
    """What a client sends: no unknown fields, no converted types, immutable once read.

    NEUTRAL: OpenAI's fields that we do not have, with the values that ask for nothing of them;
    such a value is left out, as null is. REFUSED: those among them that are refused in so many
    words with any other value, each with the reason or "".
    """

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        json_schema_extra=_describe_neutral,
    )
    NEUTRAL: ClassVar[Mapping[str, tuple[Any, ...]]] = {}
    REFUSED: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[BaseModel], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Let lists stop at their first mistake: only that is told, and a million take a minute."""
        schema = handler(source)
        _stop_early(schema)
        return schema

    @model_validator(mode="before")
    @classmethod
    def _drop_neutral(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        asked = {name: v for name, v in values.items() if not cls.is_neutral(name, v)}
        if refused := sorted(cls.REFUSED.keys() & asked.keys()):
            raise unsupported(refused[0], cls.REFUSED[refused[0]])
        return asked

    @classmethod
    def is_neutral(cls, name: str, value: Any) -> bool:
        """Tell whether a field that we do not have asks for nothing; 0 and false differ."""
        if name not in cls.NEUTRAL:
            return False
        return value is None or any(
            value == neutral and isinstance(value, bool) == isinstance(neutral, bool)
            for neutral in cls.NEUTRAL[name]
        )


def unsupported(param: str, why: str = "") -> PydanticCustomError:
    """Return what refuses a field that we do not have."""
    sentence = "'{param}' is not supported: {why}." if why else "'{param}' is not supported."
    return PydanticCustomError("unsupported", sentence, {"param": param, "why": why})


def conflict(param: str, sentence: str) -> PydanticCustomError:
    """Return what refuses a field beside others; the sentence has '{param}' where it names it."""
    return PydanticCustomError("conflict", sentence, {"param": param})
