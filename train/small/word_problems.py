"""Traces of word problems: the steps of a story, mistakes and the reflections that name them.

A mistake is a wrong sign or a wrong number taken from the story: something that reading the story
again shows.  Only the wrong decision is kept out of the loss; its consequence is learned.
"""

from __future__ import annotations

import random
from dataclasses import replace

from problems import word_problems
from problems.split import Split
from problems.step import Step
from problems.word_problems import MAX_VALUE, WordProblem
from train.segments import Example, Kind, Segment


def example(
    seed: int,
    index: int,
    *,
    split: Split = Split.TRAIN,
    p_mistake: float = 0.0,
    p_clean: float = 0.5,
) -> Example[WordProblem]:
    """Return example `index`; each step is preceded by a mistake with p_mistake unless clean."""
    rng = word_problems.source(split, seed, index)
    problem = word_problems.problem(rng, split)
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
    before, after = f"{wrong.before}", f" = {wrong.after}\n"
    sign, operand = f" {wrong.sign} ", f"{wrong.operand}"
    # a sign goes with its blanks, so that a token of them has one side only
    middle = [Segment(sign, Kind.WRONG, not is_sign), Segment(operand, Kind.WRONG, is_sign)]
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
