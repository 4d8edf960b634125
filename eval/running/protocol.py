"""Protocol and Treatment: what makes two runs comparable, and what may differ between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eval.question import Question


@dataclass(frozen=True, slots=True)
class Protocol:
    """What every model is shown and how it samples; runs compare only where it is the same.

    None leaves a value to the server: temperature and top_p are then the served model's own.
    """

    few_shot: int = 0
    system: str | None = None
    temperature: float | None = 0.0
    top_p: float | None = None
    max_tokens: int | None = None
    name: str = "ours"

    def opening(self, question: Question) -> list[dict[str, str]]:
        """Return the messages before the question's first turn."""
        system = [{"role": "system", "content": self.system}] if self.system else []
        return [*system, *map(dict, question.context)]

    def fields(self) -> dict[str, Any]:
        """Return its part of a request's body."""
        told = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_tokens,
        }
        return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Treatment:
    """What a comparison may be about: effort, more request fields; and how often each is asked.

    epochs: answers to each question, each with a seed of its own (seed + epoch)
    repeat: the same with one seed: whether the same request gets the same answer
    """

    effort: str | None = None
    seed: int | None = None
    epochs: int = 1
    repeat: int = 1
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def num_answers(self) -> int:
        """How often each question is asked."""
        return max(self.epochs, self.repeat)

    def request_fields(self, epoch: int) -> dict[str, Any]:
        """Return its part of a request's body."""
        told: dict[str, Any] = {"reasoning_effort": self.effort, "seed": self._seed(epoch)}
        return {**{name: value for name, value in told.items() if value is not None}, **self.fields}

    def _seed(self, epoch: int) -> int | None:
        if self.epochs == 1:
            return self.seed
        return (self.seed or 0) + epoch
