"""Countdown: reach a target with each of a few numbers once, by (seed, index); every attempt.

Checking an attempt is one comparison and finding the right one is a search: the task in which
reflection pays.  After *Stream of Search*, section 3, https://arxiv.org/abs/2404.03683.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
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
    "Use {first} and {last} to make {t}.",
    "Make {t} from {first} and {last}.",
    "Reach {t} with the numbers {first} and {last}.",
    "Use each of {first} and {last} once to get {t}.",
    "How can I get {t} from {first} and {last}?",
    "Countdown: numbers {first}, {last}, target {t}.",
]
HELD_OUT_TEMPLATES = [
    "How can I make {t} with {first} and {last}?",
    "Reach the target {t} from the numbers {first}, {last}.",
]


@dataclass(frozen=True, slots=True)
class Attempt:
    """Steps that use each number once; each but the first uses the result of the one before."""

    steps: tuple[Step, ...]

    @property
    def result(self) -> int:
        """What the attempt reaches."""
        return self.steps[-1].after

    @property
    def line(self) -> str:
        """The attempt as a line of thinking."""
        return ", ".join(step.line.strip() for step in self.steps) + "\n"

    @property
    def expression(self) -> str:
        """The attempt as one expression, the form of the answer."""
        first, *others = self.steps
        written, value = f"{first.before} {first.sign} {first.operand}", first.after
        for step in others:
            inner = f"({written})"
            is_left = step.before == value
            left, right = (inner, step.operand) if is_left else (step.before, inner)
            written, value = f"{left} {step.sign} {right}", step.after
        return f"{written} = {value}"


@dataclass(frozen=True, slots=True)
class Puzzle:
    """A few numbers, three where nothing else is said, and a target that they reach."""

    prompt: str
    numbers: tuple[int, ...]
    target: int

    @property
    def gold(self) -> str:
        """The target as text."""
        return str(self.target)

    @property
    def core(self) -> str:
        """The numbers in order, and the target."""
        return f"{' '.join(map(str, sorted(self.numbers)))} = {self.target}"

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


def puzzle(rng: random.Random, split: Split, num_numbers: int = 3) -> Puzzle:
    """Draw the next puzzle that the split admits."""
    while True:
        numbers = tuple(rng.sample(range(1, MAX_NUMBER + 1), num_numbers))
        target = rng.choice(attempts(numbers)).result
        if target <= MAX_TARGET and is_held_out(numbers, target) == (split is not Split.TRAIN):
            break
    templates = HELD_OUT_TEMPLATES if split is Split.TEMPLATES else TEMPLATES
    first, last = ", ".join(map(str, numbers[:-1])), numbers[-1]
    prompt = rng.choice(templates).format(first=first, last=last, t=target)
    return Puzzle(prompt, numbers, target)


def is_held_out(numbers: tuple[int, ...], target: int) -> bool:
    """Whether the pair (numbers in any order, target) is kept for evaluation."""
    return stable_hash(f"{sorted(numbers)} {target}") % HELD_OUT_EVERY == 0


@lru_cache(maxsize=4096)
def attempts(numbers: tuple[int, ...]) -> tuple[Attempt, ...]:
    """Return every attempt with positive results; of a sum or product only one order."""
    found = []
    for i, j in itertools.permutations(range(len(numbers)), 2):
        rest = tuple(number for at, number in enumerate(numbers) if at not in (i, j))
        for first in _steps(numbers[i], numbers[j], i < j):
            found += _continued((first,), rest)
    return tuple(dict.fromkeys(found))


def _continued(steps: tuple[Step, ...], rest: tuple[int, ...]) -> list[Attempt]:
    """Return the attempts that begin with these steps and use the rest of the numbers."""
    if not rest:
        return [Attempt(steps)]
    found, so_far = [], steps[-1].after
    for at, number in enumerate(rest):
        for before, operand in ((so_far, number), (number, so_far)):
            for step in _steps(before, operand, before == so_far):
                found += _continued((*steps, step), rest[:at] + rest[at + 1 :])
    return found


def _steps(before: int, operand: int, is_ordered: bool) -> list[Step]:
    steps = [Step(before, sign, operand) for sign in ("+-*" if is_ordered else "-")]
    return [step for step in steps if 0 < step.after <= MAX_RESULT]
