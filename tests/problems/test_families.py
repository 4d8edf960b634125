import json

import pytest

from problems.countdown import Puzzle, is_held_out
from problems.families import COUNTDOWN, EVALUATION_SEED, FAMILIES, draw, from_row, to_row
from problems.split import Split


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("split", Split)
def test_problems_differ_are_the_same_each_time_and_fewer_are_their_beginning(
    family: str, split: Split
) -> None:
    problems = draw(family, split, 40, EVALUATION_SEED)
    assert len({problem.prompt for problem in problems}) == 40
    assert problems == draw(family, split, 40, EVALUATION_SEED)
    assert problems[:7] == draw(family, split, 7, EVALUATION_SEED)
    assert problems != draw(family, split, 40, 1)


def test_fresh_puzzles_are_held_out_pairs() -> None:
    for problem in draw(COUNTDOWN, Split.FRESH, 40, EVALUATION_SEED):
        assert isinstance(problem, Puzzle)
        assert is_held_out(problem.numbers, problem.target)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_problem_comes_back_from_its_row(family: str) -> None:
    for problem in draw(family, Split.FRESH, 5, 3):
        row = json.loads(json.dumps(to_row(family, problem)))
        assert row["family"] == family
        assert from_row(row) == problem
