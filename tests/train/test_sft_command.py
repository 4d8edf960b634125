from pathlib import Path

import pytest

from tests.train.fine_tuning.tiny import make_run
from train.command import REFUSED, main


def test_without_built_data_it_says_what_to_run_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "run.toml"
    file.write_text(f'run = {{name = "empty", dir = "{tmp_path / "run"}"}}', "utf-8")
    assert main(["sft", "-c", str(file)]) == REFUSED
    assert "holds no built data: run `build` first" in capsys.readouterr().err


def test_it_prints_what_was_learned_and_where_it_lies_and_does_it_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = make_run(tmp_path)
    outputs = []
    for _ in range(2):
        assert main(["sft", "-c", str(file), "sft.epochs=0.4"]) == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]
    first, losses, tuned = outputs[0].splitlines()
    assert first.startswith("2 steps on 40 rows, ")
    assert "loss/reflection " in losses
    assert tuned == f"tuned: {tmp_path / 'run' / 'tuned'}"
