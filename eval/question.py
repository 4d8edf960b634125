"""Question: what a task asks, what the right answer is, and what a scorer must know beside."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from client.turn import Message


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a task; immutable, JSON throughout.

    turns: what the user says, in order; nearly always one (MT-Bench: two)
    gold: the right answer, in the form its scorer reads
    group: what errors go together in: a subject, a category; "" where there is none
    context: messages before the first turn: few-shot questions and answers
    row: what else a scorer, judge or report reads: choices, checkers' arguments, references
    cluster: questions of one cluster are one question in other words: no evidence of their own; ""
        where it stands alone
    """

    id: str
    turns: tuple[str, ...]
    gold: Any
    group: str = ""
    context: tuple[Message, ...] = ()
    row: Mapping[str, Any] = field(default_factory=dict)
    cluster: str = ""

    def prompt_sha256(self, system: str | None = None) -> str:
        """Hash what the model is shown, the system prompt included."""
        return sha256_of([system, list(map(dict, self.context)), list(self.turns)])


def sha256_of(value: Any) -> str:
    """Hash a JSON value; key order does not matter."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
