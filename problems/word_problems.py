"""Word problems: multi-step arithmetic stories, by (seed, index), and the check of an answer."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from problems.problem import Row
from problems.split import Split, stable_hash
from problems.step import Step
from problems.templates import (
    HELD_OUT_NAMES,
    HELD_OUT_TEMPLATES,
    NAMES,
    OBJECTS,
    PLACES,
    TEMPLATES,
)

MAX_VALUE = 99
MAX_STEPS = 4
HELD_OUT_NUMBERS = range(17, 20)
NUMBERS = [number for number in range(2, 31) if number not in HELD_OUT_NUMBERS]
FRESH_EVERY = 50
P_NOISE = 0.15


@dataclass(frozen=True, slots=True)
class WordProblem:
    """A story with its question, the steps that solve it, and every number it names."""

    prompt: str
    steps: tuple[Step, ...]
    numbers: tuple[int, ...]

    @property
    def answer(self) -> int:
        """The number asked for."""
        return self.steps[-1].after

    @property
    def gold(self) -> str:
        """The same as text."""
        return str(self.answer)

    @property
    def core(self) -> str:
        """The calculations."""
        return ", ".join(f"{step.before} {step.sign} {step.operand}" for step in self.steps)

    def is_right(self, answer: str) -> bool:
        """Whether the answer is that number and nothing else."""
        return self.canonical(answer) == self.gold

    def canonical(self, answer: str) -> str:
        """Return the answer without blanks around it."""
        return answer.strip()

    def to_row(self) -> Row:
        """Return the JSON form, the inverse of `from_row`."""
        steps = [[step.before, step.sign, step.operand] for step in self.steps]
        return {"prompt": self.prompt, "steps": steps, "numbers": list(self.numbers)}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Read the JSON form."""
        steps = tuple(Step(*step) for step in row["steps"])
        return cls(row["prompt"], steps, tuple(row["numbers"]))


def source(split: Split, seed: int, index: int) -> random.Random:
    """Return the random numbers of problem `index`: the first draw it, training uses the rest."""
    return random.Random(f"words/{split}/{seed}/{index}")


def problem(rng: random.Random, split: Split) -> WordProblem:
    """Draw the next problem that the split admits."""
    while True:
        drawn = _draw(rng, split)
        if split in (Split.TRAIN, Split.FRESH):
            if is_fresh(drawn.prompt) != (split is Split.FRESH):
                continue
        elif split is Split.NUMBERS and not set(drawn.numbers) & set(HELD_OUT_NUMBERS):
            continue
        return drawn


def is_fresh(prompt: str) -> bool:
    """Whether the question is one that training never draws."""
    return stable_hash(prompt) % FRESH_EVERY == 0


def _draw(rng: random.Random, split: Split) -> WordProblem:
    story = _Story(rng, split)
    text, steps, numbers = [], [], [story.start]
    text.append(story.sentence("start", a=story.start))
    value = story.start
    num_steps = rng.randint(1, MAX_STEPS)
    question = ""
    for at in range(num_steps):
        kind = rng.choice(_kinds(value, is_last=at == num_steps - 1))
        operand = story.operand(kind, value)
        step = Step(value, {"price": "*"}.get(kind, kind), operand)
        steps.append(step)
        numbers.append(operand)
        if kind == "price":
            question = story.sentence("price", b=operand)
        else:
            text.append(story.sentence(_wording(rng, kind, operand), b=operand))
        value = step.after
        if rng.random() < P_NOISE:
            numbers.append(noise := rng.choice(NUMBERS))
            text.append(story.sentence("noise", b=noise))
    text.append(question or story.sentence("ask"))
    return WordProblem(" ".join(text), tuple(steps), tuple(numbers))


class _Story:
    """The people, objects and numbers one problem may use."""

    def __init__(self, rng: random.Random, split: Split) -> None:
        self.rng, self.split = rng, split
        names = HELD_OUT_NAMES if split is Split.TEMPLATES else NAMES
        self.words = dict(zip("nm", rng.sample(names, 2), strict=True))
        self.words |= {"o": rng.choice(OBJECTS), "p": rng.choice(PLACES)}
        self.numbers = list(HELD_OUT_NUMBERS) if split is Split.NUMBERS else NUMBERS
        self.start = rng.choice(self.numbers)

    def sentence(self, kind: str, **numbers: int) -> str:
        templates = TEMPLATES[kind]
        if self.split is Split.TEMPLATES:
            templates = HELD_OUT_TEMPLATES.get(kind, templates)
        return self.rng.choice(templates).format(**self.words, **numbers)

    def operand(self, kind: str, value: int) -> int:
        if kind in "+-":
            most = MAX_VALUE - value if kind == "+" else value - 1
            fitting = [number for number in self.numbers if number <= most]
            return self.rng.choice(fitting or [n for n in NUMBERS if n <= most])
        if kind == "/":
            return self.rng.choice([d for d in (2, 3, 4, 5) if value % d == 0 and value >= 2 * d])
        most = 9 if kind == "price" else 5
        return self.rng.choice([d for d in range(2, most + 1) if d * value <= MAX_VALUE])


def _kinds(value: int, is_last: bool) -> list[str]:
    kinds = ["+"] * 3 if value < MAX_VALUE - 2 else []
    kinds += ["-"] * 3 if value > 3 else []
    kinds += ["*"] * 2 if 2 * value <= MAX_VALUE else []
    kinds += ["price"] if is_last and 2 * value <= MAX_VALUE else []
    if any(value % d == 0 and value >= 2 * d for d in (2, 3, 4, 5)):
        kinds += ["/"] * 2
    return kinds


def _wording(rng: random.Random, kind: str, operand: int) -> str:
    special = {("*", 2): "double", ("*", 3): "triple", ("/", 2): "half"}.get((kind, operand))
    return special if special and rng.random() < 0.5 else kind
