from pathlib import Path

import pytest

from tests.train.exporting.tiny import make_run
from train.command import main
from train.exporting.resolved import to_toml


def test_the_command_prints_what_was_tested_and_how_to_serve_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = make_run(tmp_path)
    file = tmp_path / "run.toml"
    file.write_text(to_toml(config.to_dict()))
    assert main(["export", "-c", str(file), "export.self_test=2"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("file: 2 of 2 greedy replies and ")
    assert shown[-1] == f"serve it: reflect serve {config.run.dir / 'bundle'}"


def test_a_run_with_nothing_tuned_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "run.toml"
    file.write_text(f'[run]\nname = "a"\ndir = "{tmp_path}"\n')
    assert main(["export", "-c", str(file)]) == 2
    assert "run `sft` first" in capsys.readouterr().err
