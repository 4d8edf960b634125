import subprocess
import sys
from pathlib import Path

import pytest

from client.turn import Failure, Turn
from eval.judges.verdicts import Verdicts
from files.errors import LockError, UserError

ABOUT = {"id": "q", "epoch": 0, "verdict": 1}


def test_what_is_filed_is_read_again(tmp_path: Path) -> None:
    turn = Turn("Scores: A=7 B=5\u2028", usage={"prompt_tokens": 3}, fingerprint="f")
    with Verdicts(tmp_path) as verdicts:
        verdicts.record("key", ABOUT, turn)
        assert verdicts.reply("key") == turn
    again = Verdicts(tmp_path)
    assert (again.reply("key"), again.reply("other"), len(again)) == (turn, None, 1)


def test_a_torn_line_is_no_verdict_and_is_written_over(tmp_path: Path) -> None:
    with Verdicts(tmp_path) as verdicts:
        verdicts.record("first", ABOUT, Turn("1"))
    with (tmp_path / "verdicts.jsonl").open("a") as file:
        file.write('{"key": "torn", "turn": {"content"')
    with Verdicts(tmp_path) as verdicts:
        assert len(verdicts) == 1
        verdicts.record("second", ABOUT, Turn("2"))
    again = Verdicts(tmp_path)
    assert [again.reply(key) for key in ("first", "second")] == [Turn("1"), Turn("2")]


def test_a_failure_is_filed_and_is_no_reply(tmp_path: Path) -> None:
    with Verdicts(tmp_path) as verdicts:
        verdicts.record_failure("key", ABOUT, Failure("too long", 400))
    again = Verdicts(tmp_path)
    assert (again.reply("key"), len(again)) == (None, 0)
    assert "too long" in (tmp_path / "verdicts.jsonl").read_text()


def test_two_processes_do_not_judge_one_run(tmp_path: Path) -> None:
    with Verdicts(tmp_path):
        code = "import sys, pathlib, eval.judges.verdicts as v\n"
        code += "v.Verdicts(pathlib.Path(sys.argv[1])).__enter__()"
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True
        )
    assert done.returncode != 0
    assert LockError.__name__ in done.stderr


@pytest.mark.parametrize(
    "line", ["[]\n", "nonsense\n", "{}\n", '{"key": "a", "turn": {"said": 1}}\n']
)
def test_a_line_that_is_no_verdict_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "verdicts.jsonl").write_text(line)
    with pytest.raises(UserError, match="line 1"):
        Verdicts(tmp_path)
