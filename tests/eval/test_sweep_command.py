"""`eval sweep` as a process of its own against an endpoint whose truth is known."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eval import sweep_command
from eval.command import main
from eval.errors import EvalError
from eval.reports.sweep_section import read_sweep
from eval.running.run_folder import RunFolder
from tests.eval import sums
from tests.eval.fake_endpoint import fake_endpoint, fate

N = 60
ROOT = Path(__file__).parents[2]
Sweep = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweep")
    sums.write(folder, N)
    return folder


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with fake_endpoint(sums.golds(N), folder) as url:
        yield url


def sweep(folder: Path, url: str, *arguments: str) -> Sweep:
    where = ["--data", str(folder / "sums.jsonl"), "--base-url", url]
    command = [sys.executable, "-m", "tests.eval.eval_with_sums", "sweep", "sums", *where]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*command, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    sweep_command.add_arguments(parser)
    return parser.parse_args(["sums", *arguments])


def steps(folder: Path, *arguments: str) -> list[sweep_command.Step]:
    return sweep_command.steps(parse("--data", str(folder), *arguments), sums.SUMS)


def test_each_step_is_a_run_paired_with_the_first(folder: Path, url: str) -> None:
    result = sweep(folder, url, "--efforts", "none,high", "--out", "paired")
    assert result.returncode == 0, result.stderr
    found = read_sweep(folder / "paired" / "sweep.json")
    right = sum(fate(question, is_faulty=False) == "right" for question in sums.golds(N))
    points: list[dict[str, Any]] = found["points"]
    assert [point["label"] for point in points] == ["none", "high"]
    assert [point["score"]["k"] for point in points] == [right, right]
    assert "paired" not in points[0]
    assert points[1]["paired"]["difference"]["value"] == 0.0
    assert points[1]["paired"]["treatment"] == {"effort": ["none", "high"]}
    for point in points:
        run = RunFolder(folder / "paired" / point["run"])
        assert run.digest() == point["digest"]
        assert run.manifest["treatment"]["effort"] == point["label"]
    assert "high " in result.stdout
    assert (folder / "paired" / "sweep.svg").read_text().count("<svg") == 1


def test_a_sweep_goes_on_where_it_was_stopped(folder: Path, url: str) -> None:
    assert sweep(folder, url, "--efforts", "none,low", "--out", "on").returncode == 0
    before = (folder / "on" / "sweep.json").read_text()
    again = sweep(folder, url, "--efforts", "none,low,high", "--resume", "on")
    assert again.returncode == 0, again.stderr
    points = read_sweep(folder / "on" / "sweep.json")["points"]
    assert [point["digest"] for point in points[:2]] == [
        point["digest"] for point in json.loads(before)["points"]
    ]
    assert len(points) == 3


def test_the_report_of_a_sweep_has_its_curve(folder: Path, url: str) -> None:
    assert sweep(folder, url, "--efforts", "none,low", "--out", "told").returncode == 0
    assert main(["report", str(folder / "told")]) == 0
    page = (folder / "told" / "report.html").read_text()
    assert "does thinking longer pay?" in page
    assert "fake, effort none" in page


def test_thinking_tokens_go_into_the_requests(folder: Path) -> None:
    own = 'reflection={"max_reflections":1}'
    found = steps(folder, "--thinking-tokens", "16,64", "--field", own)
    assert [step.label for step in found] == ["16 tokens", "64 tokens"]
    asked = found[1].plan.treatment.request_fields(0)
    assert asked == {"reflection": {"max_reflections": 1, "max_thinking_tokens": 64}}


def test_efforts_and_budgets_may_stand_together(folder: Path) -> None:
    found = steps(folder, "--efforts", "none", "--thinking-tokens", "32")
    assert [step.plan.treatment.effort for step in found] == ["none", None]


def test_an_effort_leads_out_of_no_folder(folder: Path, url: str) -> None:
    result = sweep(folder, url, "--efforts", "none,../../evil", "--out", "inside/below")
    assert result.returncode == 0, result.stderr
    names = {path.name for path in (folder / "inside" / "below").iterdir() if path.is_dir()}
    assert names == {"none", "evil"}
    assert not list(folder.parent.glob("evil"))


@pytest.mark.parametrize(
    "flags", [["--efforts", "none,.."], ["--thinking-tokens", "1,2", "--field", "reflection=3"]]
)
def test_steps_that_cannot_be_told_apart_or_asked_are_refused(
    folder: Path, flags: list[str]
) -> None:
    with pytest.raises(EvalError, match=r"no folders of their own: none, \.\.|takes an object"):
        steps(folder, *flags)


def test_a_sweep_that_is_not_there_is_not_resumed(folder: Path, url: str) -> None:
    result = sweep(folder, url, "--efforts", "none,low", "--resume", "nowhere")
    assert result.returncode == os.EX_DATAERR
    assert "nowhere is no folder of runs to resume" in result.stderr
    assert not (folder / "nowhere").exists()


def test_one_step_is_no_sweep(folder: Path) -> None:
    with pytest.raises(EvalError, match="two steps or more"):
        steps(folder, "--efforts", "none,none")


def test_a_judged_task_cannot_be_swept(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", "mt_bench", "--efforts", "none,low"]) == 65
    assert "needs a judge" in capsys.readouterr().err
