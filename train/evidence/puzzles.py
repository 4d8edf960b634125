"""The held-out puzzles that every model is asked, and which of them are one puzzle in other words.

Few pairs of numbers and target are held out: of 1,000 puzzles of three numbers 302 are different,
the others put the same numbers in another order or sentence. They are no evidence of their own.
"""

from __future__ import annotations

from functools import cache, partial

from problems import countdown
from problems.countdown import Puzzle
from problems.families import EVALUATION_SEED, Family, draw_from
from problems.split import Split


def puzzles(n: int, num_numbers: int = 3, seed: int = EVALUATION_SEED) -> list[Puzzle]:
    """Return the first n held-out puzzles of so many numbers; of three, those that eval asks."""
    kind = Family(
        countdown.source, partial(countdown.puzzle, num_numbers=num_numbers), Puzzle.from_row
    )
    return [p for p in draw_from(kind, Split.FRESH, n, seed) if isinstance(p, Puzzle)]


@cache
def same(n: int, num_numbers: int = 3, seed: int = EVALUATION_SEED) -> tuple[str, ...]:
    """Return the core of each puzzle: those of one core go together."""
    return tuple(one.core for one in puzzles(n, num_numbers, seed))
