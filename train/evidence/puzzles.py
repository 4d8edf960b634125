"""The puzzles of the evidence: which numbers a model is taught with, and on which it is measured.

Whole sets of numbers are kept out of every lesson. Were it pairs of numbers and target alone, a
lesson with wrong attempts would show, as attempts at other targets, what reaches a target that is
kept out. What goes together in an interval or a test is the set of numbers: its puzzles, their
orders and sentences are no evidence of their own.
"""

from __future__ import annotations

import random
from enum import StrEnum
from functools import cache

from problems import countdown
from problems.countdown import Puzzle
from problems.split import Split, stable_hash


class Part(StrEnum):
    """What a set of numbers is for: lessons, the checks that recipes are chosen by, the figures."""

    TRAIN = "train"
    CHECK = "check"
    TEST = "test"


PARTS = (*[Part.TRAIN] * 7, Part.CHECK, *[Part.TEST] * 2)  # of ten sets of numbers


def part(numbers: tuple[int, ...]) -> Part:
    """Return what these numbers, in any order, are for."""
    return PARTS[stable_hash(f"evidence {sorted(numbers)}") % len(PARTS)]


def source(of: Part, seed: int, index: int) -> random.Random:
    """Return the random numbers of puzzle `index`: the first draw it, its lesson uses the rest."""
    return random.Random(f"evidence/{of}/{seed}/{index}")


def puzzle(rng: random.Random, of: Part, num_numbers: int = 3) -> Puzzle:
    """Draw the next puzzle of the part; none of those that eval asks."""
    while True:
        found = countdown.puzzle(rng, Split.TRAIN, num_numbers)
        if part(found.numbers) is of:
            return found


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
