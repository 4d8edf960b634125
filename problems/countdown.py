"""Countdown: reach a target with three numbers and two signs, by (seed, index); every attempt.

Checking an attempt is one comparison and finding the right one is a search: the task in which
reflection pays.  After *Stream of Search*, section 3, https://arxiv.org/abs/2404.03683.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

from problems.expression import evaluate, shortest
from problems.problem import Row
from problems.split import Split, stable_hash
from problems.step import Step

MAX_NUMBER = 12
MAX_TARGET = 199
MAX_RESULT = 999
HELD_OUT_EVERY = 10

TEMPLATES = [
    "Use {a}, {b} and {c} to make {t}.",
    "Make {t} from {a}, {b} and {c}.",
    "Reach {t} with the numbers {a}, {b} and {c}.",
    "Use each of {a}, {b} and {c} once to get {t}.",
    "How can I get {t} from {a}, {b} and {c}?",
    "Countdown: numbers {a}, {b}, {c}, target {t}.",
]
HELD_OUT_TEMPLATES = [
    "How can I make {t} with {a}, {b} and {c}?",
    "Reach the target {t} from the numbers {a}, {b}, {c}.",
]


@dataclass(frozen=True, slots=True)
class Attempt:
    """Two steps that use each number once; the second one uses the result of the first."""

    first: Step
    second: Step

    @property
    def result(self) -> int:
        """What the attempt reaches."""
        return self.second.after

    @property
    def line(self) -> str:
        """The attempt as a line of thinking."""
        return f"{self.first.line.strip()}, {self.second.line}"

    @property
    def expression(self) -> str:
        """The attempt as one expression, the form of the answer."""
        inner = f"({self.first.before} {self.first.sign} {self.first.operand})"
        before, operand = self.second.before, self.second.operand
        is_left = before == self.first.after
        left, right = (inner, operand) if is_left else (before, inner)
        return f"{left} {self.second.sign} {right} = {self.result}"


@dataclass(frozen=True, slots=True)
class Puzzle:
    """Three numbers and a target that they reach."""

    prompt: str
    numbers: tuple[int, ...]
    target: int

    @property
    def gold(self) -> str:
        """The target as text."""
        return str(self.target)

    def is_right(self, answer: str) -> bool:
        """Whether the answer is an expression that uses each number once and is the target."""
        expression, _, claimed = answer.partition("=")
        if claimed.strip() not in ("", self.gold) or evaluate(expression) != self.target:
            return False
        used = [int(number) for number in re.findall(r"\d+", expression)]
        return sorted(used) == sorted(self.numbers)

    def canonical(self, answer: str) -> str:
        """Return the expression without blanks, idle brackets and `= target`."""
        expression, _, claimed = answer.partition("=")
        short, claimed = shortest(expression), claimed.strip()
        if short is None:
            return answer.strip()
        return short if claimed in ("", self.gold) else f"{short}={claimed}"

    def to_row(self) -> Row:
        """Return the JSON form, the inverse of `from_row`."""
        return {"prompt": self.prompt, "numbers": list(self.numbers), "target": self.target}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Read the JSON form."""
        return cls(row["prompt"], tuple(row["numbers"]), row["target"])


def source(split: Split, seed: int, index: int) -> random.Random:
    """Return the random numbers of puzzle `index`: the first draw it, training uses the rest."""
    return random.Random(f"countdown/{split}/{seed}/{index}")


def puzzle(rng: random.Random, split: Split) -> Puzzle:
    """Draw the next puzzle that the split admits."""
    while True:
        numbers = tuple(rng.sample(range(1, MAX_NUMBER + 1), 3))
        target = rng.choice(attempts(numbers)).result
        if target <= MAX_TARGET and is_held_out(numbers, target) == (split is not Split.TRAIN):
            break
    templates = HELD_OUT_TEMPLATES if split is Split.TEMPLATES else TEMPLATES
    a, b, c = numbers
    return Puzzle(rng.choice(templates).format(a=a, b=b, c=c, t=target), numbers, target)


def is_held_out(numbers: tuple[int, ...], target: int) -> bool:
    """Whether the pair (numbers in any order, target) is kept for evaluation."""
    return stable_hash(f"{sorted(numbers)} {target}") % HELD_OUT_EVERY == 0


@cache
def attempts(numbers: tuple[int, ...]) -> tuple[Attempt, ...]:
    """Return every attempt with positive results; of a sum or product only one order."""
    found = []
    for i, j in itertools.permutations(range(3), 2):
        rest = numbers[3 - i - j]
        for first in _steps(numbers[i], numbers[j], i < j):
            for before, operand in ((first.after, rest), (rest, first.after)):
                is_ordered = before == first.after
                found += [Attempt(first, second) for second in _steps(before, operand, is_ordered)]
    return tuple(dict.fromkeys(found))


def _steps(before: int, operand: int, is_ordered: bool) -> list[Step]:
    steps = [Step(before, sign, operand) for sign in ("+-*" if is_ordered else "-")]
    return [step for step in steps if 0 < step.after <= MAX_RESULT]
