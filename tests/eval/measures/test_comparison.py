import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from estimates.paired import mcnemar
from estimates.power import holm
from eval.errors import RunError
from eval.measures.comparison import compare, compare_sets, runs_below
from eval.sample import Sample
from eval.score import Score
from tests.eval.made_up import PROTOCOL, failed, run_folder, sample, task

DATA = {"sha256": "d" * 64, "ids_sha256": "i" * 64}


def samples(both: int, only_first: int, only_second: int, neither: int, side: int) -> list[Sample]:
    counts = (both, only_first, only_second, neither)
    worth = [(1, 1), (1, 0), (0, 1), (0, 0)]
    values = [pair[side] for count, pair in zip(counts, worth, strict=True) for _ in range(count)]
    return [sample(f"q{number}", float(value)) for number, value in enumerate(values)]


def test_the_pair_of_the_specification(tmp_path: Path) -> None:
    table = (700, 209, 152, 258)
    first = run_folder(tmp_path / "a", samples(*table, 0), model="base")
    second = run_folder(tmp_path / "b", samples(*table, 1), model="tuned")
    found = compare(first, second)
    assert (found.task, found.first, found.second) == ("gsm8k", "base", "tuned")
    assert (found.paired.n, found.paired.b, found.paired.c) == (1319, 209, 152)
    assert found.paired.p == pytest.approx(0.00315, abs=5e-6)
    assert found.paired.difference.value == pytest.approx(-57 / 1319)
    assert found.adjusted_p == found.paired.p


def test_questions_are_matched_by_id_not_by_line(tmp_path: Path) -> None:
    ones = [sample("x", 1.0), sample("y", 0.0)]
    first = run_folder(tmp_path / "a", ones, data=DATA)
    found = compare(first, run_folder(tmp_path / "b", ones[::-1], data=DATA))
    assert (found.paired.b, found.paired.c) == (0, 0)


def test_what_failed_is_wrong(tmp_path: Path) -> None:
    first = run_folder(tmp_path / "a", [sample("x"), sample("y")])
    second = run_folder(tmp_path / "b", [sample("x"), failed("y")])
    assert compare(first, second).paired.b == 1


def test_several_answers_to_a_question_count_as_their_mean(tmp_path: Path) -> None:
    first = [sample(id, float(epoch == 0), epoch=epoch) for id in "abcd" for epoch in range(2)]
    second = [sample(id, 1.0, epoch=epoch) for id in "abcd" for epoch in range(2)]
    found = compare(run_folder(tmp_path / "a", first), run_folder(tmp_path / "b", second))
    assert (found.paired.n, found.paired.method) == (4, "bootstrap")
    assert found.paired.difference.value == pytest.approx(0.5)


def test_one_question_in_several_sentences_counts_once(tmp_path: Path) -> None:
    first = [replace(sample(f"q{at}", 0.0), cluster=f"core {at // 4}") for at in range(16)]
    second = [replace(one, score=Score(1.0)) for one in first]
    found = compare(run_folder(tmp_path / "a", first), run_folder(tmp_path / "b", second)).paired
    assert (found.n, found.c, found.method) == (16, 16, "bootstrap")
    assert found.p == pytest.approx(2 / 2**4, abs=0.01)  # signs of four cores, not of sixteen


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"data": DATA | {"sha256": "other"}}, "not the same data.*sha256: .*'other'"),
        ({"protocol": PROTOCOL | {"temperature": 0.7}}, "protocol.*temperature: 0.0 and 0.7"),
        ({"protocol": PROTOCOL | {"system": "Think."}}, "protocol.*system: None and 'Think.'"),
        ({"protocol": PROTOCOL | {"prompts_sha256": "f"}}, "protocol.*prompts_sha256"),
        ({"scorer": {"name": "made up", "version": 2}}, "scorer.*version: 1 and 2"),
        ({"judge": {"model": "lenient"}}, "judge.*model: None and 'lenient'"),
    ],
)
def test_what_is_not_the_same_is_refused_by_name(
    tmp_path: Path, part: dict[str, Any], said: str
) -> None:
    first = run_folder(tmp_path / "a", [sample("x")], data=DATA)
    second = run_folder(tmp_path / "b", [sample("x")], **{"data": DATA} | part)
    with pytest.raises(RunError, match=said):
        compare(first, second)


def test_two_tasks_are_refused(tmp_path: Path) -> None:
    first = run_folder(tmp_path / "a", [sample("x")])
    second = run_folder(tmp_path / "b", [sample("x")], of=task("mmlu"))
    with pytest.raises(RunError, match="two tasks: gsm8k and mmlu"):
        compare(first, second)


def test_a_run_that_was_stopped_is_refused_with_what_it_lacks(tmp_path: Path) -> None:
    first = run_folder(tmp_path / "a", [sample("x"), sample("y")], data=DATA)
    second = run_folder(tmp_path / "b", [sample("x")], data=DATA)
    with pytest.raises(RunError, match=r"b lacks 1\. Resume"):
        compare(first, second)


def test_a_run_that_no_judge_has_scored_is_refused(tmp_path: Path) -> None:
    first = run_folder(tmp_path / "a", [failed("x")])
    judged = first.manifest
    del judged["scorer"]
    first.write_manifest(judged)
    with pytest.raises(RunError, match="has no scores"):
        compare(first, first)


def test_a_run_without_a_single_reply_is_all_wrong(tmp_path: Path) -> None:
    first = run_folder(tmp_path / "a", [failed("x"), failed("y")])
    second = run_folder(tmp_path / "b", [sample("x"), sample("y", 0.0)])
    assert compare(first, second).paired.difference.value == 0.5


def test_other_weights_fingerprints_and_times_are_no_obstacle(tmp_path: Path) -> None:
    first = run_folder(tmp_path / "a", [sample("x")], started="2026-01-01T00:00:00Z")
    second = run_folder(tmp_path / "b", [sample("x")], system_fingerprints=["fp_2"])
    assert compare(first, second).treatment == {}


def test_the_treatment_may_differ_and_is_told(tmp_path: Path) -> None:
    first = run_folder(tmp_path / "a", [sample("x")], treatment={"effort": "none", "seed": 1})
    second = run_folder(tmp_path / "b", [sample("x")], treatment={"effort": "high", "seed": 1})
    assert compare(first, second).treatment == {"effort": ("none", "high")}


def test_sets_are_matched_by_task_and_adjusted_for_being_several(tmp_path: Path) -> None:
    tables = {"gsm8k": (10, 1, 9, 5), "mmlu": (10, 2, 12, 5), "math": (10, 5, 5, 5)}
    for name, table in tables.items():
        for side, letter in enumerate("ab"):
            run_folder(tmp_path / letter / name / "m", samples(*table, side), of=task(name))
    run_folder(tmp_path / "b" / "ifeval" / "m", [sample("x")], of=task("ifeval"))
    found = compare_sets(tmp_path / "a", tmp_path / "b")
    assert [one.task for one in found] == ["gsm8k", "math", "mmlu"]
    expected = holm([mcnemar(b, c) for b, c in ((1, 9), (5, 5), (2, 12))])
    assert [one.adjusted_p for one in found] == expected


def test_sets_without_a_common_task_are_refused(tmp_path: Path) -> None:
    run_folder(tmp_path / "a" / "x", [sample("x")])
    run_folder(tmp_path / "b" / "x", [sample("x")], of=task("mmlu"))
    with pytest.raises(RunError, match=r"a has gsm8k; .*b has mmlu"):
        compare_sets(tmp_path / "a", tmp_path / "b")


def test_a_set_with_two_runs_of_a_task_is_ambiguous(tmp_path: Path) -> None:
    for model in ("base", "tuned"):
        run_folder(tmp_path / "gsm8k" / model, [sample("x")], model=model)
    with pytest.raises(RunError, match=r"several runs of gsm8k: name one of them, .*base"):
        compare_sets(tmp_path, tmp_path)


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no run"):
        runs_below(tmp_path)


def test_a_comparison_is_json(tmp_path: Path) -> None:
    run = run_folder(tmp_path, [sample("x")])
    data = json.loads(json.dumps(compare(run, run).to_dict(), allow_nan=False))
    assert data["difference"] == {"value": 0.0, "low": None, "high": None, "n": 1}
