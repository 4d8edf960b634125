"""Word problems: multi-step arithmetic stories with reflection traces, by (seed, index).

A mistake is a wrong sign or a wrong number taken from the story: something that reading the story
again shows.  Only the wrong decision is kept out of the loss; its consequence is learned.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from train.segments import Example, Kind, Segment, Split, stable_hash
from train.templates import (
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
class Step:
    """One calculation: `before sign operand = after`."""

    before: int
    sign: str
    operand: int

    @property
    def after(self) -> int:
        """The result; exact, never negative for a step that `can_do` admits."""
        a, b = self.before, self.operand
        return {"+": a + b, "-": a - b, "*": a * b, "/": a // b}[self.sign]

    @property
    def line(self) -> str:
        """The calculation as a line of thinking."""
        return f"{self.before} {self.sign} {self.operand} = {self.after}\n"


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

    def is_right(self, answer: str) -> bool:
        """Whether the answer is that number and nothing else."""
        return answer.strip() == str(self.answer)


def example(
    seed: int,
    index: int,
    *,
    split: Split = Split.TRAIN,
    p_mistake: float = 0.0,
    p_clean: float = 0.5,
) -> Example[WordProblem]:
    """Return example `index`; each step is preceded by a mistake with p_mistake unless clean."""
    rng = random.Random(f"words/{split}/{seed}/{index}")
    problem = _problem(rng, split)
    if rng.random() < p_clean:
        p_mistake = 0.0
    segments = [Segment("<thinking>\n", Kind.THINK)]
    for step in problem.steps:
        if rng.random() < p_mistake:
            segments += mistake(rng, step, problem.numbers)
        segments.append(Segment(step.line, Kind.THINK))
    segments.append(Segment("</thinking>\n", Kind.THINK))
    segments.append(Segment(f"<output>{problem.answer}</output>", Kind.OUTPUT))
    return Example(problem, tuple(segments))


def is_fresh(prompt: str) -> bool:
    """Whether the question is one that training never draws."""
    return stable_hash(prompt) % FRESH_EVERY == 0


def mistake(rng: random.Random, step: Step, numbers: tuple[int, ...]) -> list[Segment]:
    """Return a wrong line and the reflection that names the mistake; nothing if none fits."""
    signs = [replace(step, sign=sign) for sign in "+-*/" if sign != step.sign]
    operands = [replace(step, operand=number) for number in set(numbers) - {step.operand}]
    choices = [
        [wrong for wrong in sorted(kind, key=lambda s: (s.sign, s.operand)) if _fits(wrong, step)]
        for kind in (signs, operands)
    ]
    choices = [kind for kind in choices if kind]
    if not choices:
        return []
    wrong = rng.choice(rng.choice(choices))
    is_sign = wrong.sign != step.sign
    before, after = f"{wrong.before} ", f" = {wrong.after}\n"
    middle = (
        [Segment(f"{wrong.sign}", Kind.WRONG, False), Segment(f" {wrong.operand}", Kind.WRONG)]
        if is_sign
        else [Segment(f"{wrong.sign} ", Kind.WRONG), Segment(f"{wrong.operand}", Kind.WRONG, False)]
    )
    named = (
        f"the sign here is {step.sign}, not {wrong.sign}."
        if is_sign
        else f"the number here is {step.operand}, not {wrong.operand}."
    )
    return [
        Segment(before, Kind.WRONG),
        *middle,
        Segment(after, Kind.WRONG),
        Segment(f"<reflection>Wait, {named}</reflection>\n", Kind.REFLECTION),
    ]


def _fits(wrong: Step, right: Step) -> bool:
    return can_do(wrong.before, wrong.sign, wrong.operand) and wrong.after != right.after


def can_do(before: int, sign: str, operand: int) -> bool:
    """Whether a step is exact, positive and small enough to be written."""
    if sign == "/":
        return operand > 1 and before % operand == 0
    return 0 < Step(before, sign, operand).after <= 2 * MAX_VALUE


def _problem(rng: random.Random, split: Split) -> WordProblem:
    while True:
        problem = _draw(rng, split)
        if split in (Split.TRAIN, Split.FRESH):
            if is_fresh(problem.prompt) != (split is Split.FRESH):
                continue
        elif split is Split.NUMBERS and not set(problem.numbers) & set(HELD_OUT_NUMBERS):
            continue
        return problem


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
