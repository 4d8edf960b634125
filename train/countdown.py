"""Countdown: reach a target with three numbers and two signs, by (seed, index).

Checking an attempt is one comparison and finding the right one is a search: the task in which
reflection pays.  After *Stream of Search*, section 3, https://arxiv.org/abs/2404.03683.
Of a wrong attempt only the choices are kept out of the loss; their results are learned.  Without
loss on the results a model learns that every attempt reaches the target.
"""

from __future__ import annotations

import ast
import itertools
import operator
import random
import re
from dataclasses import dataclass
from functools import cache

from train.segments import Example, Kind, Segment, Split, stable_hash
from train.word_problems import Step

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

    def is_right(self, answer: str) -> bool:
        """Whether the answer is an expression that uses each number once and is the target."""
        expression, _, claimed = answer.partition("=")
        if claimed.strip() not in ("", str(self.target)):
            return False
        used = [int(number) for number in re.findall(r"\d+", expression)]
        return sorted(used) == sorted(self.numbers) and evaluate(expression) == self.target


def example(
    seed: int,
    index: int,
    *,
    split: Split = Split.TRAIN,
    p_more: float = 0.0,
    max_wrong: int = 8,
) -> Example[Puzzle]:
    """Return example `index`; after each wrong attempt another one follows with p_more."""
    rng = random.Random(f"countdown/{split}/{seed}/{index}")
    puzzle = _puzzle(rng, split)
    right, wrong = _sorted_out(puzzle)
    segments = [Segment("<thinking>\n", Kind.THINK)]
    num_wrong = 0
    while num_wrong < min(max_wrong, len(wrong)) and rng.random() < p_more:
        num_wrong += 1
    for attempt in _plausible(rng, wrong, num_wrong, puzzle.target):
        segments += _mistake(attempt, puzzle.target)
    chosen = rng.choice(right)
    segments.append(Segment(chosen.line, Kind.THINK))
    segments.append(Segment("</thinking>\n", Kind.THINK))
    segments.append(Segment(f"<output>{chosen.expression}</output>", Kind.OUTPUT))
    return Example(puzzle, tuple(segments))


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


def _puzzle(rng: random.Random, split: Split) -> Puzzle:
    while True:
        numbers = tuple(rng.sample(range(1, MAX_NUMBER + 1), 3))
        target = rng.choice(attempts(numbers)).result
        if target <= MAX_TARGET and is_held_out(numbers, target) == (split is not Split.TRAIN):
            break
    templates = HELD_OUT_TEMPLATES if split is Split.TEMPLATES else TEMPLATES
    a, b, c = numbers
    return Puzzle(rng.choice(templates).format(a=a, b=b, c=c, t=target), numbers, target)


def _sorted_out(puzzle: Puzzle) -> tuple[list[Attempt], list[Attempt]]:
    every = attempts(puzzle.numbers)
    right = [attempt for attempt in every if attempt.result == puzzle.target]
    return right, [attempt for attempt in every if attempt.result != puzzle.target]


def _plausible(
    rng: random.Random, wrong: list[Attempt], num_wrong: int, target: int
) -> list[Attempt]:
    """Draw distinct wrong attempts, those that come close to the target more often."""
    keyed = [(rng.random() ** (3 + abs(w.result - target)), at) for at, w in enumerate(wrong)]
    return [wrong[at] for _, at in sorted(keyed, reverse=True)[:num_wrong]]


def _mistake(attempt: Attempt, target: int) -> list[Segment]:
    first, second = attempt.first, attempt.second
    return [
        Segment(f"{first.before} {first.sign} {first.operand}", Kind.WRONG, False),
        Segment(f" = {first.after}, ", Kind.WRONG),
        Segment(f"{second.before} {second.sign} {second.operand}", Kind.WRONG, False),
        Segment(f" = {second.after}\n", Kind.WRONG),
        Segment(f"<reflection>{attempt.result} != {target}</reflection>\n", Kind.REFLECTION),
    ]


_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}


def evaluate(expression: str) -> int | None:
    """Return the value of an expression of integers, + - * and brackets; None for anything else."""
    if len(expression) > 64 or not re.fullmatch(r"[\d\s()+*-]+", expression):
        return None
    try:
        return _value(ast.parse(expression.strip(), mode="eval").body)
    except (SyntaxError, ValueError, TypeError):
        return None


def _value(node: ast.expr) -> int:
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return int(_OPERATORS[type(node.op)](_value(node.left), _value(node.right)))
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    raise ValueError(f"{type(node).__name__} is not part of an answer")
