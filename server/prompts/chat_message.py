"""ChatMessage: a turn of a conversation, as prompts are made of it, calls and results included."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, NoReturn

MAX_DEPTH = 64  # of the arguments of a past call that are read as JSON


@dataclass(frozen=True, slots=True)
class PastCall:
    """A call of an earlier answer; the arguments are the model's, JSON or not."""

    id: str
    name: str
    arguments: str

    def read_arguments(self) -> dict[str, Any] | None:
        """Return the arguments, or None where they are no JSON object that JSON can write again."""
        try:
            value = json.loads(self.arguments, parse_constant=_refuse, parse_float=_finite)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) and _is_shallow(value, MAX_DEPTH) else None


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One turn: who speaks (system, user, assistant or tool) and what.

    calls: what the assistant called; call: what the tool was called by
    """

    role: str
    text: str
    calls: tuple[PastCall, ...] = ()
    call: PastCall | None = None


def one_call_a_turn(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """Give each of several calls a turn of its own, with its result right after it."""
    turns: list[ChatMessage] = []
    for is_result, group in groupby(messages, lambda message: message.role == "tool"):
        if not is_result or len(turns[-1].calls) < 2:
            turns += group
            continue
        results = {result.call: result for result in group}
        asked = turns.pop()
        for number, call in enumerate(asked.calls):
            text = "" if number else asked.text
            turns += [replace(asked, text=text, calls=(call,)), results[call]]
    return turns


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(digits)
    return number


def _is_shallow(value: Any, most: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return most >= 0 and all(_is_shallow(each, most - 1) for each in inner)
