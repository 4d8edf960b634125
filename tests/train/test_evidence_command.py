import hashlib
import json
from pathlib import Path

import pytest

from tests.train.evidence.made_up import result
from train.command import main
from train.evidence.training import folder_of

RIGHT = {"thinking": [1, 0, 0, 0] * 20, "reflecting": [1, 1, 1, 0] * 20}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    for arm, right in RIGHT.items():
        for seed in (1, 2, 3):
            folder = folder_of(tmp_path, arm, seed)
            folder.mkdir(parents=True)
            shifted = right[seed:] + right[:seed]
            if arm == "reflecting":
                shifted[:seed] = [1] * seed
            made_up = result(arm, seed, shifted, caught=(9, 10))
            (folder / "result.json").write_text(json.dumps(made_up))
    return tmp_path


def test_what_is_trained_is_compared_and_written(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evidence", "--out", str(out), "--compare-only"]) == 0
    shown = capsys.readouterr().out
    assert "| reflecting less thinking | +5" in shown
    assert "- yes: at least 15 points above thinking at equal training tokens" in shown
    assert "- yes: caught less false alarms at least 60 points" in shown
    assert (out / "evidence.md").read_text() in shown
    assert (out / "evidence.svg").read_text().count("<svg") == 1
    record = json.loads((out / "evidence.json").read_text())
    file = folder_of(out, "thinking", 2) / "result.json"
    told = record["results_sha256"][str(file.relative_to(out))]
    assert told == hashlib.sha256(file.read_bytes()).hexdigest()
    assert "--compare-only" in record["command"]


def test_comparing_again_changes_nothing(out: Path) -> None:
    command = ["evidence", "--out", str(out), "--compare-only"]
    main(command)
    before = {file: file.read_bytes() for file in out.glob("evidence.*")}
    main(command)
    assert {file: file.read_bytes() for file in out.glob("evidence.*")} == before


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--arms", "thinkin"], "no arm is called 'thinkin'; there is thinking; reflecting"),
        (["--seeds", "1,x"], "--seeds 1,x: whole numbers"),
        (["--compare-only"], "has no finished run of them: leave out --compare-only"),
    ],
)
def test_what_cannot_be_done_is_refused(
    arguments: list[str], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evidence", "--out", str(tmp_path), *arguments]) == 2
    assert complaint in capsys.readouterr().err
