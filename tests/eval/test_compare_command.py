import json
from pathlib import Path

import pytest

from eval.command import main
from tests.eval.made_up import run_folder, sample, task


def write_set(path: Path, model: str, right: dict[str, int]) -> None:
    for name, count in right.items():
        samples = [sample(f"q{i}", float(i < count)) for i in range(100)]
        treatment = {"effort": model}
        run_folder(path / name / model, samples, of=task(name), model=model, treatment=treatment)


def test_the_table_has_counts_interval_p_and_what_n_can_show(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_set(tmp_path / "a", "low", {"gsm8k": 40})
    write_set(tmp_path / "b", "high", {"gsm8k": 55})
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    printed = capsys.readouterr().out
    assert "A: low\nB: high" in printed
    row = next(line for line in printed.splitlines() if line.startswith("gsm8k "))
    assert row.split() == [
        *("gsm8k", "100", "40.00", "55.00", "+15.00", "[+7.97,", "+22.03]"),
        *("0", "15", "6.1e-05", "10.85"),
    ]
    assert "Holm" not in printed
    assert "gsm8k: the treatment differs: effort 'low' -> 'high'" in printed


def test_several_tasks_are_adjusted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_set(tmp_path / "a", "low", {"gsm8k": 40, "mmlu": 50})
    write_set(tmp_path / "b", "high", {"gsm8k": 55, "mmlu": 49})
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    printed = capsys.readouterr().out
    assert "Holm p" in printed
    assert "0.000122" in printed


def test_json_is_for_machines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_set(tmp_path / "a", "low", {"gsm8k": 40})
    assert main(["compare", "--json", str(tmp_path / "a"), str(tmp_path / "a")]) == 0
    [found] = json.loads(capsys.readouterr().out)
    assert (found["n"], found["b"], found["c"], found["p"]) == (100, 0, 0, 1.0)


def test_runs_that_cannot_be_compared_end_with_the_status_of_bad_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_set(tmp_path / "a", "low", {"gsm8k": 40})
    write_set(tmp_path / "b", "high", {"mmlu": 40})
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 65
    assert "no task in common" in capsys.readouterr().err
