"""What a client may demand of the answer, under OpenAI's and under vLLM's names."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from decoding.answer import AnswerConstraint
from server.protocol.messages import Wire

FORMAT_TYPES = ("text", "json_object", "json_schema")
# Other spellings of a constraint, each with what serves instead.
REFUSED_KINDS = ("grammar", "structural_tag")
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


class StructuredOutputs(Wire):
    """Exactly one demand, as vLLM's clients write it."""

    NEUTRAL = {  # noqa: RUF012  (a ClassVar of Wire)
        **dict.fromkeys(REFUSED_KINDS, ()),
        "disable_additional_properties": (False,),
        "disable_any_whitespace": (False,),
        "whitespace_pattern": (),
    }

    json_: Annotated[dict[str, Any] | str | None, Field(alias="json")] = None
    regex: str | None = None
    choice: list[str] | None = None
    json_object: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _refuse_kinds(cls, values: Any) -> Any:
        for kind in REFUSED_KINDS:
            if isinstance(values, dict) and values.get(kind) is not None:
                raise PydanticCustomError(
                    "unsupported",
                    "'{param}' is not supported: use json, regex, choice or json_object.",
                    {"param": f"structured_outputs.{kind}"},
                )
        return values

    @model_validator(mode="after")
    def _check_together(self) -> StructuredOutputs:
        demands = (self.json_, self.regex, self.choice, self.json_object or None)
        if sum(demand is not None for demand in demands) != 1:
            raise PydanticCustomError(
                "conflict",
                "'{param}' must have exactly one of json, regex, choice and json_object.",
                {"param": "structured_outputs"},
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
