import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from client.turn import Turn
from eval.measures.summary import summarize
from eval.measures.usage import Prices
from eval.question import Question
from eval.sample import Sample
from eval.score import Score
from eval.task import Task
from tests.eval.made_up import failed, never, sample, task

TASK = task()


def asked(*ids: str) -> dict[str, Question]:
    return {id: Question(id, ("6 * 7?",), "42") for id in ids}


def summary(task: Task = TASK, *samples: Sample) -> dict[str, Any]:
    return summarize(task, asked(*{sample.id for sample in samples}), samples)


def test_what_failed_stays_in_the_denominator() -> None:
    found = summary(TASK, sample("a"), sample("b", 0.0), failed("c"), failed("d"))
    assert found["scores"]["robust"]["value"] == 0.25
    assert (found["scores"]["robust"]["k"], found["scores"]["robust"]["n"]) == (1, 4)
    counts = found["counts"]
    assert (counts["n"], counts["ok"], counts["error"], counts["unasked"]) == (4, 2, 2, 0)


def test_flags_are_counted_wherever_they_stand() -> None:
    lost = sample("a", 0.0, extracted=None, flags=("length", "truncated"))
    lost = replace(lost, score=Score(0.0, flags=("unanswered", "judge_error")))
    counts = summary(TASK, lost, sample("b"))["counts"]
    raised = {name for name, count in counts.items() if count == 1}
    assert raised == {"length", "truncated", "unanswered", "judge_error"}
    assert counts["empty"] == counts["scorer_timeout"] == 0


def test_questions_that_a_stopped_run_did_not_reach_are_told() -> None:
    found = summarize(TASK, asked("a", "b", "c"), [sample("a")])
    assert (found["counts"]["questions"], found["counts"]["unasked"]) == (3, 2)
    assert found["scores"]["robust"]["n"] == 1


def test_right_or_wrong_has_wilsons_interval() -> None:
    found = summary(TASK, *(sample(str(i), float(i < 286)) for i in range(1319)))
    robust = found["scores"]["robust"]
    assert (round(robust["low"], 4), round(robust["high"], 4)) == (0.1954, 0.2399)
    assert robust["method"] == "wilson"


def test_scores_between_have_the_normal_interval() -> None:
    robust = summary(TASK, sample("a", 0.5), sample("b"), sample("c", 0.0))["scores"]["robust"]
    assert robust["method"] == "normal"
    assert "k" not in robust


def test_repeated_answers_are_clustered_by_question() -> None:
    samples = [sample(str(i), float(i % 2), epoch=epoch) for i in range(40) for epoch in range(3)]
    once = summary(TASK, *samples[::3])["scores"]["robust"]
    found = summary(TASK, *samples)["scores"]
    robust = found["robust"]
    assert robust["method"] == "wilson, clustered by question"
    assert robust["high"] - robust["low"] == pytest.approx(once["high"] - once["low"], rel=0.1)
    assert robust["clustered"]["bootstrap"]["draws"] == 10_000
    assert found["repeats"]["flip_rate"] == 0.0


def test_many_groups_have_a_clustered_interval_beside_the_headline() -> None:
    samples = [sample(f"{g}-{i}", float(i < g), group=str(g)) for g in range(12) for i in range(12)]
    robust = summary(TASK, *samples)["scores"]["robust"]
    assert robust["method"] == "wilson"
    assert robust["clustered"]["clusters"] == 12
    assert robust["clustered"]["low"] < robust["low"]
    assert robust["clustered"]["bootstrap"]["low"] < robust["low"]


def test_a_few_groups_tell_no_clustered_error() -> None:
    samples = [sample(f"{g}-{i}", group=str(g)) for g in range(7) for i in range(9)]
    assert "clustered" not in summary(TASK, *samples)["scores"]["robust"]


def test_two_scores_more_than_a_point_apart_are_warned_of() -> None:
    near = [sample(str(i), compat=float(i > 0)) for i in range(100)]
    far = [sample(str(i), compat=float(i > 1)) for i in range(100)]
    assert "warning" not in summary(TASK, *near)["scores"]
    assert "+2.00 points" in summary(TASK, *far)["scores"]["warning"]


def test_without_compat_there_is_none() -> None:
    assert summary(TASK, sample("a"))["scores"]["compat"] is None


def test_a_sample_without_a_reply_is_wrong_in_compat_too() -> None:
    found = summary(TASK, sample("a", compat=1.0), failed("b"))
    assert found["scores"]["compat"]["value"] == 0.5


def test_a_task_reports_figures_of_its_own() -> None:
    own = replace(TASK, figures=lambda questions, samples: {"macro": len(samples)})
    assert summary(own, sample("a"), sample("b"))["scores"]["figures"] == {"macro": 2}


def test_what_no_judge_has_decided_has_no_score() -> None:
    own = replace(TASK, scorer=None, figures=never)
    undecided = replace(sample("a"), score=None)
    assert summary(own, undecided)["scores"]["robust"] is None


def test_judged_lost_and_tied_matches_are_not_taken_for_wrong_and_right() -> None:
    own = replace(TASK, scorer=None)
    robust = summary(own, *(sample(str(i), float(i % 2)) for i in range(8)))["scores"]["robust"]
    assert robust["method"] == "normal"


def test_a_summary_is_json() -> None:
    found = summarize(TASK, asked("a", "b"), [sample("a"), sample("b")], Prices(1, 2))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    nothing = summarize(TASK, asked("a"), [])
    assert json.loads(json.dumps(nothing, allow_nan=False)) == nothing


def test_a_summary_imports_nothing_heavy() -> None:
    program = "import sys, eval.measures.summary; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert not {"numpy", "scipy", "matplotlib", "jinja2"} & set(result.stdout.split())
    assert "eval.measures.summary" in result.stdout


def test_reflections_are_told_where_thoughts_are_shown_and_only_there() -> None:
    assert summary(TASK, sample("a"))["reflections"] == "not available"
    doubting = Turn("42", reasoning="41\n<reflection>no</reflection>\n42")
    found = summary(TASK, sample("a"), replace(sample("b"), turns=(doubting,)))["reflections"]
    assert (found["shown"], found["with_reflection"]["k"]) == (1, 1)
