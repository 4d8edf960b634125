import argparse
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.train.small.tiny import TINY
from train.command import STOPPED, main
from train.demo_command import ArgumentsError, Plan, add_arguments, plan
from train.small.checkpoint import save_checkpoint
from train.small.recipe import Recipe

ROOT = Path(__file__).parents[2]


def test_the_parser_needs_nothing_heavy() -> None:
    code = (
        "import sys; from train.command import main; main(['--help']);"
        "sys.exit(bool({'torch', 'transformers', 'tokenizers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_help_names_every_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["demo", "--help"])
    shown = capsys.readouterr().out
    for flag in (
        "--quick",
        "--resume",
        "--thinking-only",
        "--out",
        "--folder",
        "--baseline",
        "--seed",
    ):
        assert flag in shown


def planned(*argv: str) -> Plan:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return plan(parser.parse_args(argv))


def test_where_things_go_by_default_and_on_request() -> None:
    assert planned() == Plan(
        Recipe(), Path("runs/demo"), Path("models/demo"), Path("runs/demo-thinking-only")
    )
    quick = planned("--quick", "--seed", "7")
    assert quick.recipe == replace(Recipe(), seed=7).quick()
    assert (quick.folder, quick.out) == (Path("runs/quick"), Path("runs/quick/bundle"))
    assert planned("--out", "a", "--folder", "b", "--baseline", "c") == Plan(
        Recipe(), Path("b"), Path("a"), Path("c")
    )


def test_the_baseline_never_becomes_a_bundle() -> None:
    baseline = planned("--thinking-only")
    assert baseline.recipe == Recipe().thinking_only()
    assert (baseline.folder, baseline.out) == (Path("runs/demo-thinking-only"), None)
    for flag in ("--out", "--baseline"):
        with pytest.raises(ArgumentsError, match="no bundle"):
            planned("--thinking-only", flag, "models/demo")


def test_what_cannot_end_well_is_refused_before_the_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    own = ["demo", "--quick", "--folder", str(tmp_path / "run")]
    assert main([*own, "--out", str(tmp_path / "file")]) == 2
    assert f"cannot make the folder {tmp_path / 'file'}: File exists" in capsys.readouterr().err
    assert main([*own, "--out", str(tmp_path / "b"), "--baseline", str(tmp_path / "none")]) == 2
    assert f"{tmp_path / 'none'} is no finished --thinking-only run" in capsys.readouterr().err


def test_a_checkpoint_of_another_recipe_is_refused_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_checkpoint(tmp_path / "checkpoint.pt", {"recipe": TINY.to_dict()})
    out = ["--folder", str(tmp_path), "--out", str(tmp_path / "bundle")]
    assert main(["demo", "--quick", "--resume", *out]) == 2
    assert "another recipe" in capsys.readouterr().err
    assert (tmp_path / "checkpoint.pt").exists()


def test_a_sigterm_ends_with_3_and_says_how_to_go_on(tmp_path: Path) -> None:
    own = ["--quick", "--folder", str(tmp_path), "--out", str(tmp_path / "bundle")]
    process = subprocess.Popen(
        [sys.executable, "-m", "train", "demo", *own],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stderr is not None
    seen = ""
    while "tok/s" not in seen and process.poll() is None:
        seen += process.stderr.read(1)
    process.terminate()
    process.terminate()
    rest = process.communicate(timeout=120)[1]
    assert process.returncode == STOPPED, seen + rest
    assert "--resume goes on from here" in rest
    assert (tmp_path / "checkpoint.pt").exists()


def test_the_smoke_run_takes_every_part_of_the_path() -> None:
    assert Recipe().quick().num_checks > 1  # the last one is left to the final figures


def test_the_recipe_keeps_its_promises() -> None:
    recipe = Recipe()
    assert recipe.num_problems >= 500
    assert recipe.quick().num_tokens < recipe.num_tokens / 100
    assert recipe.thinking_only().num_tokens == recipe.num_tokens
    assert recipe.thinking_only().num_layers == recipe.num_layers
