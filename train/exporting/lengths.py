"""Lengths: how long the replies were that a model was taught with, as budgets and efforts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from decoding.bundle import BudgetDefaults
from train.building.dataset import KINDS
from train.segments import Kind

EFFORTS = {"minimal": 25, "low": 50, "medium": 90, "high": 100}  # percentiles
OUTPUT, REFLECTION = KINDS.index(Kind.OUTPUT), KINDS.index(Kind.REFLECTION)


@dataclass(frozen=True, slots=True)
class Lengths:
    """Token counts of the replies a model was taught with, sorted; each reply counts once.

    thinking, answers: of the replies that think
    num_reflections: the most in one reply
    bare: of the replies that are an answer alone
    """

    thinking: Sequence[int]
    answers: Sequence[int]
    num_reflections: int
    bare: Sequence[int] = ()

    @classmethod
    def of(cls, kinds: Iterable[Sequence[int]]) -> Self:
        """Count the replies of built rows, from the kinds of their tokens."""
        thinking, answers, num_reflections, bare = [], [], 0, []
        for row in kinds:
            for reply in _runs(np.asarray(row)):
                num_output = int((reply == OUTPUT).sum())
                if num_output == len(reply):
                    bare.append(num_output)
                else:
                    thinking.append(len(reply) - num_output)
                    answers.append(num_output)
                num_reflections = max(num_reflections, _num_starts(reply == REFLECTION))
        return cls(sorted(thinking), sorted(answers), num_reflections, sorted(bare))

    @property
    def efforts(self) -> dict[str, int]:
        """Thinking tokens for each effort: a percentile of what was taught."""
        if not self.thinking:
            return dict.fromkeys(EFFORTS, 0)
        last = len(self.thinking) - 1
        return {
            name: _round_up(self.thinking[last * percent // 100])
            for name, percent in EFFORTS.items()
        }

    @property
    def budgets(self) -> BudgetDefaults:
        """Room for the longest reply; thinking leaves an answer after a thought its room."""
        thinking, bare = self.efforts["high"], max(self.bare, default=0)
        answer = _round_up(self.answers[-1] if self.answers else bare)
        return BudgetDefaults(
            max_thinking_tokens=thinking,
            max_reflections=self.num_reflections + 2,
            min_answer_tokens=answer,
            max_tokens=_round_up(max(thinking + answer, bare) + 8),
        )


def _runs(kinds: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    """Cut a row into its replies: the runs of tokens that are no prompt."""
    cuts = np.flatnonzero(np.diff(kinds != 0)) + 1
    return [run for run in np.split(kinds, cuts) if len(run) and run[0] != 0]


def _num_starts(is_kind: np.ndarray[Any, Any]) -> int:
    return int(np.count_nonzero(is_kind[1:] & ~is_kind[:-1]) + is_kind[0])


def _round_up(value: int, unit: int = 8) -> int:
    return -(-value // unit) * unit
