import subprocess
import sys
from pathlib import Path

import pytest

from train.command import build_parser
from train.recipe import Recipe

ROOT = Path(__file__).parents[2]


def test_the_parser_needs_nothing_heavy() -> None:
    code = (
        "import sys; from train.command import build_parser; build_parser();"
        "sys.exit(bool({'torch', 'transformers', 'tokenizers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_help_names_every_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["demo", "--help"])
    shown = capsys.readouterr().out
    for flag in ("--quick", "--resume", "--thinking-only", "--out", "--folder", "--baseline"):
        assert flag in shown


def test_the_recipe_keeps_its_promises() -> None:
    recipe = Recipe()
    assert recipe.num_problems >= 500
    assert recipe.quick().num_tokens < recipe.num_tokens / 100
    assert recipe.thinking_only().num_tokens == recipe.num_tokens
    assert recipe.thinking_only().num_layers == recipe.num_layers
