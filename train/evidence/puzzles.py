"""The puzzles of the evidence: what a model is taught, and what it is measured on.

Held out are pairs of numbers and target; no line of any lesson reaches a target that is held out
for its numbers, a wrong attempt at another target neither. Those of the checks, by which recipes
are chosen, are apart from those of the figures. What goes together in an interval or a test is the
set of numbers: its targets, orders and sentences are no evidence of their own.
"""

from __future__ import annotations

import random
from enum import StrEnum
from functools import cache

from problems import countdown
from problems.countdown import Attempt, Puzzle, is_held_out
from problems.split import Split, stable_hash


class Part(StrEnum):
    """What a pair is for: lessons, the checks that recipes are chosen by, the figures."""

    TRAIN = "train"
    CHECK = "check"
    TEST = "test"


HELD_OUT = (Part.CHECK, Part.TEST, Part.TEST)  # of three pairs that are


def part(numbers: tuple[int, ...], target: int) -> Part:
    """Return what these numbers, in any order, with this target are for."""
    if not is_held_out(numbers, target):
        return Part.TRAIN
    return HELD_OUT[stable_hash(f"evidence {sorted(numbers)} {target}") % len(HELD_OUT)]


def source(of: Part, seed: int, index: int) -> random.Random:
    """Return the random numbers of puzzle `index`: the first draw it, its lesson uses the rest."""
    return random.Random(f"evidence/{of}/{seed}/{index}")


def puzzle(rng: random.Random, of: Part, num_numbers: int = 3) -> Puzzle:
    """Draw the next puzzle of the part."""
    split = Split.TRAIN if of is Part.TRAIN else Split.FRESH
    while True:
        found = countdown.puzzle(rng, split, num_numbers)
        if part(found.numbers, found.target) is of:
            return found


def may_be_taught(asked: Puzzle, attempt: Attempt) -> bool:
    """Whether a wrong attempt reaches nothing that is held out."""
    return not is_held_out(asked.numbers, attempt.result)


@cache
def puzzles(of: Part, n: int, num_numbers: int = 3) -> tuple[Puzzle, ...]:
    """Return the first n puzzles that are measured on, each prompt once."""
    found: dict[str, Puzzle] = {}
    index = 0
    while len(found) < n:
        one = puzzle(source(of, 0, index), of, num_numbers)
        found.setdefault(one.prompt, one)
        index += 1
    return tuple(found.values())


def same(asked: tuple[Puzzle, ...]) -> tuple[str, ...]:
    """Return the numbers of each puzzle, in order: what goes together."""
    return tuple(" ".join(map(str, sorted(one.numbers))) for one in asked)
