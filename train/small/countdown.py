"""Traces of countdown: attempts, the reflections that reject them, and the right one.

Of a wrong attempt only the choices are kept out of the loss; their results are learned.  Without
loss on the results a model learns that every attempt reaches the target.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from problems import countdown
from problems.countdown import Attempt, Puzzle, attempts
from problems.split import Split
from train.segments import Example, Kind, Segment


def example(
    seed: int,
    index: int,
    *,
    split: Split = Split.TRAIN,
    p_more: float = 0.0,
    max_wrong: int = 8,
    num_numbers: int = 3,
) -> Example[Puzzle]:
    """Return example `index`; after each wrong attempt another one follows with p_more."""
    rng = countdown.source(split, seed, index)
    return trace(rng, countdown.puzzle(rng, split, num_numbers), p_more, max_wrong)


def trace(
    rng: random.Random,
    puzzle: Puzzle,
    p_more: float,
    max_wrong: int,
    first: Sequence[Attempt] = (),
    may_be_taught: Callable[[Puzzle, Attempt], bool] = lambda *_: True,
) -> Example[Puzzle]:
    """Return the puzzle with wrong attempts, those of `first` before any that are drawn.

    may_be_taught: which wrong attempts may be drawn
    """
    right, wrong = sorted_out(puzzle)
    wrong = [attempt for attempt in wrong if may_be_taught(puzzle, attempt)]
    segments = [Segment("<thinking>\n", Kind.THINK)]
    num_wrong = 0
    while num_wrong < min(max_wrong, len(wrong)) and rng.random() < p_more:
        num_wrong += 1
    given = list(first[:num_wrong])
    drawn = [one for one in _plausible(rng, wrong, puzzle.target) if one not in given]
    for attempt in (given + drawn)[:num_wrong]:
        segments += _mistake(attempt, puzzle.target)
    chosen = rng.choice(right)
    segments.append(Segment(chosen.line, Kind.THINK))
    segments.append(Segment("</thinking>\n", Kind.THINK))
    segments.append(Segment(f"<output>{chosen.expression}</output>", Kind.OUTPUT))
    return Example(puzzle, tuple(segments))


def sorted_out(puzzle: Puzzle) -> tuple[list[Attempt], list[Attempt]]:
    """Return the attempts that reach the target, and those that do not."""
    every = attempts(puzzle.numbers)
    right = [attempt for attempt in every if attempt.result == puzzle.target]
    return right, [attempt for attempt in every if attempt.result != puzzle.target]


def _plausible(rng: random.Random, wrong: list[Attempt], target: int) -> list[Attempt]:
    """Return the wrong attempts in random order, those close to the target more often first."""
    keyed = [(rng.random() ** (3 + abs(w.result - target)), at) for at, w in enumerate(wrong)]
    return [wrong[at] for _, at in sorted(keyed, reverse=True)]


def _mistake(attempt: Attempt, target: int) -> list[Segment]:
    segments = []
    for step in attempt.steps:
        after = "\n" if step is attempt.steps[-1] else ", "
        segments += [
            Segment(f"{step.before} {step.sign} {step.operand}", Kind.WRONG, False),
            Segment(f" = {step.after}{after}", Kind.WRONG),
        ]
    rejection = f"<reflection>{attempt.result} != {target}</reflection>\n"
    return [*segments, Segment(rejection, Kind.REFLECTION)]
