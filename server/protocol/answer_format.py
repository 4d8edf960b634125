"""What a client may demand of the answer, under OpenAI's and under vLLM's names."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from decoding.answer import AnswerConstraint
from server.protocol.wire import Wire, unsupported

FORMAT_TYPES = ("text", "json_object", "json_schema")
# Other spellings of a constraint, each with what serves instead.
KINDS = ("json", "regex", "choice", "json_object")
# Fields of vLLM's that are not there, each with what serves instead.
COMPACT = "JSON answers have at most one space after ',' and ':'"
REFUSED = {
    "grammar": f"use {', '.join(KINDS)}",
    "structural_tag": f"use {', '.join(KINDS)}",
    "disable_additional_properties": "say 'additionalProperties': false in the schema",
    "disable_any_whitespace": COMPACT,
    "whitespace_pattern": COMPACT,
}
OLDER_SPELLINGS = {
    "guided_json": "structured_outputs.json",
    "guided_regex": "structured_outputs.regex",
    "guided_choice": "structured_outputs.choice",
    "guided_grammar": "response_format or structured_outputs",
    "guided_decoding_backend": "response_format or structured_outputs",
    "guided_whitespace_pattern": "response_format or structured_outputs",
}


class TextFormat(Wire):
    """Any text."""

    type: Literal["text"]

    def constraint(self) -> None:
        """Demand nothing."""


class JsonObjectFormat(Wire):
    """Any JSON object."""

    type: Literal["json_object"]

    def constraint(self) -> AnswerConstraint:
        """Return the demand."""
        return AnswerConstraint.json_object()


class NamedSchema(Wire):
    """A JSON schema; `name`, `description` and `strict` change nothing: it is always kept."""

    name: str
    description: str | None = None
    schema_: Annotated[dict[str, Any], Field(alias="schema")]
    strict: bool | None = None


class JsonSchemaFormat(Wire):
    """A JSON document that a schema permits."""

    type: Literal["json_schema"]
    json_schema: NamedSchema

    def constraint(self) -> AnswerConstraint:
        """Return the demand; raise GrammarError."""
        return AnswerConstraint.json_schema(self.json_schema.schema_)


ResponseFormat = Annotated[
    TextFormat | JsonObjectFormat | JsonSchemaFormat, Field(discriminator="type")
]


def _check_schema(schema: Any) -> Any:
    """Refuse here what is no schema: a union would name its own parts."""
    if isinstance(schema, dict | str | None):
        return schema
    raise PydanticCustomError("schema", "it should be an object or a JSON string")


class StructuredOutputs(Wire):
    """Exactly one demand, as vLLM's clients write it."""

    NEUTRAL = {  # noqa: RUF012  (a ClassVar of Wire)
        **dict.fromkeys(REFUSED, ()),
        "disable_additional_properties": (False,),
        "disable_any_whitespace": (False,),
    }

    json_: Annotated[
        dict[str, Any] | str | None, Field(alias="json"), BeforeValidator(_check_schema)
    ] = None
    regex: str | None = None
    choice: list[str] | None = None
    json_object: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, values: Any) -> Any:
        for name, instead in REFUSED.items():
            if isinstance(values, dict) and not cls.is_neutral(name, values.get(name)):
                raise unsupported(f"structured_outputs.{name}", instead)
        return values

    @model_validator(mode="after")
    def _check_together(self) -> StructuredOutputs:
        demands = (self.json_, self.regex, self.choice, self.json_object or None)
        came = [kind for kind, it in zip(KINDS, demands, strict=True) if it is not None]
        if len(came) != 1:
            raise PydanticCustomError(
                "conflict",
                "'{param}' must have exactly one of json, regex, choice and json_object, "
                "came {came}.",
                {"param": "structured_outputs", "came": " and ".join(came) or "none of them"},
            )
        return self

    def constraint(self) -> AnswerConstraint:
        """Return the demand; raise GrammarError."""
        if self.json_ is not None:
            return AnswerConstraint.json_schema(self.json_)
        if self.regex is not None:
            return AnswerConstraint.regex(self.regex)
        if self.choice is not None:
            return AnswerConstraint.choice(self.choice)
        return AnswerConstraint.json_object()
