from pathlib import Path

from problems.countdown import Puzzle
from problems.families import draw
from problems.split import Split
from tests.train.small.tiny import tiny_tokenizer, tiny_tuning
from train.small.evaluation import SEED, Verdict, answer, figures


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
    problems = draw("countdown", Split.FRESH, 3, SEED)
    verdicts = answer(tiny_tuning(tmp_path).model, tiny_tokenizer(), problems, 1.0)
    assert [v.problem for v in verdicts] == problems
    assert figures(verdicts)["right"]["k"] == 0
