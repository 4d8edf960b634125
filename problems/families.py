"""The families of problems by name: drawing sets of them, and reading one from its JSON form."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from problems import countdown, word_problems
from problems.problem import Problem, Row
from problems.split import Split

WORD_PROBLEMS, COUNTDOWN = "word problems", "countdown"
EVALUATION_SEED = 999_983  # of every published set: train measures on it, eval asks it


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of problem.

    source: the random numbers of a problem by split, seed and index
    problem: draws from them the next problem that a split admits
    from_row: the inverse of a problem's `to_row`
    """

    source: Callable[[Split, int, int], random.Random]
    problem: Callable[[random.Random, Split], Problem]
    from_row: Callable[[Mapping[str, Any]], Problem]


FAMILIES = {
    WORD_PROBLEMS: Family(
        word_problems.source, word_problems.problem, word_problems.WordProblem.from_row
    ),
    COUNTDOWN: Family(countdown.source, countdown.puzzle, countdown.Puzzle.from_row),
}


def draw(family: str, split: Split, n: int, seed: int) -> list[Problem]:
    """Return the first n different problems; those for a smaller n are their beginning."""
    return draw_from(FAMILIES[family], split, n, seed)


def draw_from(kind: Family, split: Split, n: int, seed: int) -> list[Problem]:
    """Do as `draw` for a kind that may have no name."""
    problems: dict[str, Problem] = {}
    index = 0
    while len(problems) < n:
        problem = kind.problem(kind.source(split, seed, index), split)
        problems.setdefault(problem.prompt, problem)
        index += 1
    return list(problems.values())


def to_row(family: str, problem: Problem) -> Row:
    """Return the problem's JSON form with the name of its family."""
    return {"family": family, **problem.to_row()}


def from_row(row: Mapping[str, Any]) -> Problem:
    """Return the problem of a row that `to_row` made."""
    return FAMILIES[row["family"]].from_row(row)
