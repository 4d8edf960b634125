import json
from dataclasses import replace

import pytest

from problems.countdown import Puzzle, is_held_out
from problems.families import (
    COUNTDOWN,
    EVALUATION_SEED,
    FAMILIES,
    WORD_PROBLEMS,
    draw,
    from_row,
    to_row,
)
from problems.split import Split
from problems.word_problems import WordProblem


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


def test_problems_that_differ_in_their_words_have_one_core() -> None:
    problems = draw(COUNTDOWN, Split.FRESH, 200, EVALUATION_SEED)
    told = {(*sorted(p.numbers), p.target) for p in problems if isinstance(p, Puzzle)}
    assert len({problem.core for problem in problems}) == len(told) < 200
    story = draw(WORD_PROBLEMS, Split.FRESH, 1, EVALUATION_SEED)[0]
    assert isinstance(story, WordProblem)
    assert replace(story, prompt="In other words?").core == story.core
    assert replace(story, steps=story.steps * 2).core != story.core


@pytest.mark.parametrize("family", FAMILIES)
def test_a_problem_comes_back_from_its_row(family: str) -> None:
    for problem in draw(family, Split.FRESH, 5, 3):
        row = json.loads(json.dumps(to_row(family, problem)))
        assert row["family"] == family
        assert from_row(row) == problem
