from pathlib import Path

import pytest

from tests.train.tiny import tiny_tokenizer, tiny_tuning
from train.countdown import Puzzle, is_held_out
from train.evaluation import SETS, Verdict, answer, draw, figures
from train.segments import Split


@pytest.mark.parametrize(("family", "split"), SETS)
def test_the_problems_of_a_set_differ_and_are_the_same_each_time(family: str, split: Split) -> None:
    problems = draw(family, split, 40)
    assert len({problem.prompt for problem in problems}) == 40
    assert problems == draw(family, split, 40)


def test_countdown_is_measured_on_held_out_pairs_only() -> None:
    for problem in draw("countdown", Split.FRESH, 40):
        assert isinstance(problem, Puzzle)
        assert is_held_out(problem.numbers, problem.target)


def test_figures_count_what_finished_what_is_formed_and_what_is_right() -> None:
    puzzle = Puzzle("", (3, 7, 5), 26)
    text = "<thinking>\n3 * 7 = 21, 21 + 5 = 26\n</thinking>\n<output>3*7+5</output>"
    found = figures(
        [
            Verdict(puzzle, text, 20, True, True, True),
            Verdict(puzzle, "<output>", 5, True, False, False),
            Verdict(puzzle, "<thinking>", 384, False, False, False),
        ]
    )
    assert (found["right"]["k"], found["right"]["n"]) == (1, 3)
    assert (found["finished"]["k"], found["finished"]["n"]) == (2, 3)
    assert (found["well_formed_of_finished"]["k"], found["well_formed_of_finished"]["n"]) == (1, 2)


def test_an_untrained_model_is_measured_without_an_error(tmp_path: Path) -> None:
    problems = draw("countdown", Split.FRESH, 3)
    verdicts = answer(tiny_tuning(tmp_path).model, tiny_tokenizer(), problems, 1.0)
    assert [v.problem for v in verdicts] == problems
    assert figures(verdicts)["right"]["k"] == 0
