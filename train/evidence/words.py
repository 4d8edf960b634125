"""Words: what the arms of a mixture make of word problems, beside the puzzles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from problems.families import EVALUATION_SEED, WORD_PROBLEMS, draw
from problems.problem import Problem
from problems.split import Split
from train.evidence.figures import SHARES, Runs, pooled, share_of

SPLITS = (Split.FRESH, Split.NUMBERS)


@cache
def word_problems(split: Split, n: int) -> tuple[Problem, ...]:
    """Return the first n that eval asks too."""
    return tuple(draw(WORD_PROBLEMS, split, n, EVALUATION_SEED))


@dataclass(frozen=True, slots=True)
class Words:
    """What one arm did: right, by seed; judged: its steps, counted as `Reflections`, by seed.

    cores: of each problem, what goes together
    """

    right: Mapping[int, Sequence[int]]
    judged: Mapping[int, Sequence[Sequence[int]]]
    cores: Sequence[str]

    def to_dict(self) -> dict[str, Any]:
        """Return the shares in JSON form, the seeds together."""
        shares = {
            name: share_of(list(self.judged.values()), of, self.cores).to_dict()
            for name, of in SHARES.items()
        }
        return {"right": pooled(list(self.right.values()), self.cores).to_dict(), **shares}


def words_of(runs: Runs, split: Split) -> Words:
    """Return what the runs of an arm recorded of the split."""
    found = {seed: run["word_problems"][split] for seed, run in runs.items()}
    right = {seed: one["right"] for seed, one in found.items()}
    cores = [one.core for one in word_problems(split, len(next(iter(right.values()))))]
    return Words(right, {seed: one["judged"] for seed, one in found.items()}, cores)
