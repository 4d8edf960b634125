from typing import Any

from eval.judges.printed import lines

JUDGE: dict[str, Any] = {
    "model": "j",
    "judging": {"unit": "mean grade, in [1, 10]"},
    "verdicts": 2,
    "reminders": 1,
    "errors": 1,
    "probe": None,
}


def test_an_interval_that_is_not_known_is_left_out() -> None:
    figure = {"value": 7.0, "low": None, "high": None, "n": 1}
    figures = {"turns": [8, 6], "categories": {"math": figure}}
    manifest = {
        "task": "mt_bench",
        "judge": JUDGE,
        "scores": {"robust": figure, "figures": figures},
    }
    assert list(lines(manifest)) == [
        "mt_bench  7.000 n=1  (mean grade, in [1, 10])",
        "turn 1 8.00, turn 2 6.00",
        "  math           7.000 n=1",
        "judge j: 2 verdicts, 1 reminders, 1 judge errors (each grade that is missing counts 0)",
    ]
