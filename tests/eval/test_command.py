import os
import subprocess
import sys
from pathlib import Path

import pytest

from eval.command import COMMANDS, main


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    assert all(f"  {name}" in printed for name in COMMANDS)


def test_wrong_usage_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == os.EX_USAGE
    assert main(["runn"]) == os.EX_USAGE
    assert "there is list, run" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_its_arguments(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: reflect eval {name}" in capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_argument_is_one_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--no-such-thing"])
    assert ended.value.code == os.EX_USAGE
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_help_brings_in_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from eval.command import COMMANDS, main\n"
        "for name in COMMANDS:\n"
        "    try: main([name, '--help'])\n"
        "    except SystemExit: pass\n"
        "heavy = {'numpy', 'scipy', 'matplotlib', 'datasets', 'lm_eval', 'torch', 'math_verify'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", ["--ou", "--res"])
def test_half_a_flag_is_no_flag(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "gsm8k", name, "there"])
    assert ended.value.code == os.EX_USAGE
    assert "unrecognized arguments" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run" / "manifest.json").mkdir(parents=True)
    assert main(["verify", str(tmp_path)]) == os.EX_IOERR
    err = capsys.readouterr().err
    assert err == f"reflect eval verify: Is a directory: {tmp_path}/run/manifest.json\n"


def test_a_reader_who_has_seen_enough_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "eval", "list"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_run_is_verified_without_what_asking_needs() -> None:
    code = (
        "import sys\n"
        "import eval.verify_command\n"
        "assert not {'aiohttp', 'numpy'} & sys.modules.keys()\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
