import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from client.turn import Failure, Turn
from files.errors import LockError
from files.journal import Journal
from train.recycling.calls import Calls, Request, Spending

USAGE = {"prompt_tokens": 10, "completion_tokens": 5}
REQUEST = Request("s1", "m", "p_1", ({"role": "user", "content": "Hi"},), {"temperature": 0.0})
TURN = Turn("Ho", None, "stop", USAGE, 0.5, "fp")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "teacher" / "journal.jsonl"


def test_the_key_is_of_all_that_a_reply_depends_on_and_of_nothing_else() -> None:
    others = [
        replace(REQUEST, model="n"),
        replace(REQUEST, prompt="p_2"),
        replace(REQUEST, messages=({"role": "user", "content": "Ha"},)),
        replace(REQUEST, options={"temperature": 0.7}),
        replace(REQUEST, attempt=1),
    ]
    assert len({REQUEST.key, *(other.key for other in others)}) == 6
    assert replace(REQUEST, sample_id="s2").key == REQUEST.key


def test_the_request_is_written_before_and_the_raw_reply_after(file: Path) -> None:
    with Calls(file) as calls:
        calls.begin(REQUEST.key, REQUEST)
        (before,) = Journal(file)
        calls.end(REQUEST.key, TURN)
        _, after = Journal(file)
    assert before["request"] == {"model": "m", "messages": [*REQUEST.messages], "temperature": 0.0}
    assert (before["sample_id"], before["prompt"], before["attempt"]) == ("s1", "p_1", 0)
    assert after["turn"]["content"] == "Ho"
    assert before["key"] == after["key"] == REQUEST.key


def test_a_reply_comes_back_at_once_and_in_the_next_session(file: Path) -> None:
    with Calls(file) as calls:
        assert calls.answer(REQUEST.key) is None
        calls.begin(REQUEST.key, REQUEST)
        assert calls.answer(REQUEST.key) is None
        calls.end(REQUEST.key, TURN)
        assert calls.answer(REQUEST.key) == TURN
    with Calls(file) as calls:
        assert calls.answer(REQUEST.key) == TURN
        assert calls.spending == Spending(1, 0, 10, 5)


def test_after_a_cut_at_any_byte_whole_replies_are_there_and_no_others(file: Path) -> None:
    with Calls(file) as calls:
        calls.begin(REQUEST.key, REQUEST)
        calls.end(REQUEST.key, TURN)
    content = file.read_bytes()
    for size in range(len(content) + 1):
        file.write_bytes(content[:size])
        with Calls(file) as calls:
            assert calls.answer(REQUEST.key) == (TURN if size == len(content) else None)


@pytest.mark.parametrize("is_final", [True, False])
def test_a_failure_is_kept_if_it_is_final(file: Path, is_final: bool) -> None:
    failure = Failure("no", 400)
    with Calls(file) as calls:
        calls.end(REQUEST.key, failure, is_final=is_final)
        assert calls.answer(REQUEST.key) == (failure if is_final else None)
    with Calls(file) as calls:
        assert calls.answer(REQUEST.key) == (failure if is_final else None)
        assert calls.spending.num_replies == 0


def test_what_an_endpoint_does_not_tell_is_counted_as_untold() -> None:
    spending = Spending()
    spending.add(None)
    spending.add({"prompt_tokens": 7})
    spending.add(USAGE)
    assert spending == Spending(num_replies=3, num_untold=2, read=17, written=5)


def test_a_power_failure_takes_no_reply_of_a_session_that_has_ended(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", lambda handle: synced.append(os.fstat(handle).st_size))
    with Calls(file) as calls:
        calls.begin(REQUEST.key, REQUEST)
        calls.end(REQUEST.key, TURN)
    assert synced[-1] == file.stat().st_size


def test_two_sessions_at_a_time_are_refused(file: Path) -> None:
    # a lock of POSIX is the process's own, so that the other one is another process

    program = (
        "import sys; from pathlib import Path; from train.recycling.calls import Calls\n"
        "with Calls(Path(sys.argv[1])): print(flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(LockError, match="written by another process"), Calls(file):
            pass
        other.kill()
