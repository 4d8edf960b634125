"""Judge: which model judges and how it is asked; what was decided is filed under its key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from eval.judges.judging import Conversation
from eval.judges.verdict import VerdictForm
from eval.question import sha256_of


@dataclass(frozen=True, slots=True)
class Judge:
    """A model that judges; the same judge, conversation and form have one verdict.

    as_json: hold it to a JSON schema, so that every verdict can be read: grades without reasons,
        for a judge that thinks before it answers
    max_tokens: of a verdict, its reasons (and, of some servers, its thoughts) included
    fields: what else joins a request; None takes a field out
    """

    model: str
    as_json: bool = False
    max_tokens: int = 2048
    fields: Mapping[str, Any] = field(default_factory=dict)

    def request_fields(self, form: VerdictForm) -> dict[str, Any]:
        """Return what a request holds beside the model and the messages."""
        wanted = {"temperature": 0, "max_tokens": self.max_tokens, **self.fields}
        if self.as_json:
            schema = {"name": "verdict", "strict": True, "schema": form.schema}
            wanted["response_format"] = {"type": "json_schema", "json_schema": schema}
        return {name: value for name, value in wanted.items() if value is not None}

    def key(self, conversation: Conversation, form: VerdictForm) -> str:
        """Hash all that a verdict depends on."""
        return sha256_of([self.model, list(map(dict, conversation)), self.request_fields(form)])

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "model": self.model,
            "json": self.as_json,
            "max_tokens": self.max_tokens,
            "fields": dict(self.fields),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the JSON form, or a manifest's block that holds it."""
        return cls(data["model"], data["json"], data["max_tokens"], data["fields"])
