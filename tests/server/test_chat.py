"""The terminal client streams the answer, keeps the conversation, and says what is wrong."""

from __future__ import annotations

import io
import os
import pty
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from server.chat import main
from server.keys.policy import Keys
from server.protocol.fields import Effort
from server.settings import Settings
from tests.live import LiveServer

ROOT = Path(__file__).resolve().parents[2]
ON_A_TERMINAL = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C becomes a signal
from server.chat import main
sys.exit(main(sys.argv[1:]))
"""
KEY = "a-key-of-sixteen-or-more"


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REFLECT_API_KEY", raising=False)


def pipe(monkeypatch: pytest.MonkeyPatch, text: str, *arguments: str) -> int:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    return main(list(arguments))


def test_a_question_through_a_pipe_gets_its_answer_alone(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server.say("7 apples\nin all", "planted")
    assert pipe(monkeypatch, "How\nmany?\n", "--base-url", server.base_url) == 0
    out, err = capsys.readouterr()
    assert out == "7 apples\nin all\n"
    assert err == ""


def test_the_flags_become_fields_of_the_request(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ["--effort", "low", "--max-tokens", "900", "--temperature", "0.5", "--seed", "3"]
    assert pipe(monkeypatch, "Hi", "--base-url", server.base_url, *flags) == 0
    (call,) = server.engine.calls
    assert call.budget is not None
    assert call.budget.max_thinking_tokens == 512
    assert (call.sampling.max_tokens, call.sampling.temperature) == (900, 0.5)
    assert call.sampling.seed == 3


def test_the_efforts_offered_are_those_of_openai(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--effort", "huge"])
    offered = re.findall(r"'?(\w+)'?(?=[,)])", capsys.readouterr().err.rpartition("from ")[2])
    assert tuple(offered) == get_args(Effort)


def test_an_error_of_the_server_is_shown_as_it_says_it(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pipe(monkeypatch, "Hi", "--base-url", server.base_url, "--max-tokens", "1") == 1
    error = " ".join(capsys.readouterr().err.split())
    assert error.startswith("reflect chat: Invalid 'max_completion_tokens': max_tokens must be at")


def test_the_key_of_the_environment_is_sent(
    make_server: Callable[..., LiveServer],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server = make_server(Settings(keys=Keys.load(KEY, None)))
    assert pipe(monkeypatch, "Hi", "--base-url", server.base_url) == 1
    assert "API key" in capsys.readouterr().err
    monkeypatch.setenv("REFLECT_API_KEY", KEY)
    assert pipe(monkeypatch, "Hi", "--base-url", server.base_url) == 0


def test_a_server_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    assert pipe(monkeypatch, "Hi", "--base-url", url) == 1
    error = capsys.readouterr().err.replace("\n", "")
    assert url in error
    assert "reflect serve" in error


def test_an_empty_question_is_refused(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pipe(monkeypatch, " \n", "--base-url", server.base_url) == 1
    assert "no question" in capsys.readouterr().err


def test_an_answer_cannot_drive_the_terminal(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server.say("a\x1b[2Jb\x07c\td\u009be")
    pipe(monkeypatch, "Hi", "--base-url", server.base_url)
    assert capsys.readouterr().out == "a[2Jbc\tde\n"


def test_a_terminal_shows_how_long_and_how_much_it_thinks(server: LiveServer) -> None:
    server.say("7 apples", "Hm, planted. " * 8, delay_s=0.02)
    with Terminal("--base-url", server.base_url) as terminal:
        terminal.expect("tiny")
        terminal.type("How many?\n")
        shown = terminal.expect("7 apples")
        assert re.search(r"thinking … \d+\.\d s, \d+ tokens", shown)
        assert "planted" not in shown
        terminal.type("/exit\n")
        assert terminal.wait() == 0


def test_a_person_at_a_terminal_talks_stops_a_reply_and_leaves(server: LiveServer) -> None:
    server.say("7 apples")
    with Terminal("--base-url", server.base_url) as terminal:
        terminal.expect("tiny")
        terminal.type("How many?\n")
        terminal.expect("7 apples")
        server.engine.is_paused = True
        try:
            terminal.type("And now?\n")
            terminal.expect("thinking")
            server.wait_until(lambda: server.num_unfinished == 1)
            terminal.type("\x03")
            terminal.expect("stopped")
            server.wait_until(lambda: server.num_unfinished == 0)
        finally:  # the next tests share the server
            server.engine.is_paused = False
        terminal.type("/help\n")
        terminal.expect("Ctrl-C stops a reply")
        terminal.type("/new\n/exit\n")
        assert terminal.wait() == 0


class Terminal:
    """`reflect chat` on a pseudo-terminal."""

    def __init__(self, *arguments: str) -> None:
        self._ours, theirs = pty.openpty()
        self._seen = ""
        self._process = subprocess.Popen(
            [sys.executable, "-c", ON_A_TERMINAL, *arguments],
            cwd=ROOT,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=os.environ | {"TERM": "xterm", "COLUMNS": "120"},
            start_new_session=True,
        )
        os.close(theirs)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def expect(self, text: str) -> str:
        """Read until the text has been shown since the last one; return what came before it."""
        deadline_s = time.monotonic() + 60
        while text not in self._seen:
            assert time.monotonic() < deadline_s, self._seen
            self._seen += os.read(self._ours, 4096).decode(errors="replace")
        before, _, self._seen = self._seen.partition(text)
        return before

    def wait(self) -> int:
        return self._process.wait(60)
