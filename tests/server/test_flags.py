"""The flags of `reflect serve` explain themselves."""

from __future__ import annotations

import subprocess
import sys

import pytest

from server import flags


def test_every_flag_says_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        flags.parse(["--help"])
    text = " ".join(capsys.readouterr().out.split()).replace(", --", ", ")  # a second name
    named = [word for word in text.partition("positional")[2].split() if word.startswith("--")]
    assert len(named) >= 15
    for part in text.partition("HTTP:")[2].partition("examples:")[0].split(" --")[1:]:
        assert "(default" in part, part


def test_without_flags_of_vllms_it_is_not_imported() -> None:
    program = (
        "import sys; from server import flags; flags.parse(['demo', '--port', '9']); "
        "print('vllm' in sys.modules, 'torch' in sys.modules)"
    )
    command = [sys.executable, "-c", program]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed.split() == ["False", "False"]


def test_a_word_too_many_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        flags.parse(["demo", "other"])
    assert "other" in capsys.readouterr().err
