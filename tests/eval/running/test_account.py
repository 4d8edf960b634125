from copy import deepcopy
from pathlib import Path
from typing import Any

from eval.running.account import lines, percent

MANIFEST: dict[str, Any] = {
    "task": "sums",
    "model": "demo",
    "counts": {"questions": 4, "unasked": 0, "n": 4, "ok": 3, "error": 1, "empty": 0}
    | {"length": 2, "truncated": 2, "unanswered": 0, "scorer_timeout": 0},
    "scores": {"robust": {"k": 1, "value": 0.25, "low": 0.046, "high": 0.699, "n": 4}},
    "treatment": {"epochs": 1, "repeat": 1},
    "tokens": {"prompt": 1200, "completion": 34},
    "cost": "not available",
    "wall_s": 2.5,
    "digest": "0123456789abcdef0123",
}


def told(**changes: Any) -> str:
    return "\n".join(lines(deepcopy(MANIFEST) | changes, Path("runs/demo")))


def test_score_faults_tokens_time_and_place_are_told() -> None:
    assert told() == (
        "sums · demo · n = 4\n"
        "  accuracy 25.00 [4.60, 69.90]\n"
        "  error 1, empty 0, length 2, unanswered 0, truncated 2 (each counted as wrong)\n"
        "  2.5 s, 1,200 tokens read, 34 written\n"
        "  runs/demo  digest 0123456789abcdef"
    )


def test_lm_eval_s_score_stands_beside_ours_with_its_warning() -> None:
    robust = MANIFEST["scores"]["robust"]
    text = told(scores={"robust": robust, "compat": {"value": 0.5}, "warning": "they differ"})
    assert "accuracy 25.00 [4.60, 69.90]   lm-eval's filter 50.00" in text
    assert "warning: they differ" in text


def test_a_task_s_single_figures_are_told() -> None:
    macro = {"value": 0.3, "low": 0.2, "high": 0.4, "n": 9}
    figures = {"macro": macro, "subjects": {"law": macro}}
    text = told(scores=MANIFEST["scores"] | {"figures": figures})
    assert "\n  macro 30.00 [20.00, 40.00]\n" in text


def test_what_was_not_asked_is_told() -> None:
    assert "n = 4, 3 not asked" in told(counts=MANIFEST["counts"] | {"unasked": 3})


def test_what_a_judge_decides_later_says_so() -> None:
    assert "a judge decides" in told(scores={"robust": None, "compat": None})


def test_a_cost_is_told_where_there_is_one() -> None:
    assert "cost 0.125" in told(cost={"total": 0.125})


def test_an_unknown_bound_leaves_the_interval_out() -> None:
    assert percent({"value": 1.0, "low": None, "high": None}) == "100.00"


def test_what_repeated_answers_do_not_tell_is_left_out() -> None:
    none = {"pass": {}, "majority": {}, "flip_rate": 0.25, "answer_flip_rate": None}
    for treatment in ({"epochs": 2, "repeat": 1}, {"epochs": 1, "repeat": 2}):
        text = told(scores=MANIFEST["scores"] | {"repeats": none}, treatment=treatment)
        assert "score 25.00 %\n" in text
        assert "answer" not in text.replace("unanswered", "")
