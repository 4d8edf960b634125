import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from eval.errors import EvalError
from eval.running.served import is_folder, served

SERVER = """
import os, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer

begun = time.monotonic()
arguments = sys.argv

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        is_ready = time.monotonic() > begun + 0.5
        self.send_response(200 if is_ready else 503)
        self.end_headers()
        self.wfile.write(f"{arguments} {os.environ['REFLECT_DATA']!r} {os.getpid()}".encode())

    def log_message(self, *_):
        pass

if "broken" in arguments:
    print("no weights here", flush=True)
    sys.exit(65)
port = int(arguments[arguments.index("--port") + 1])
HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


@pytest.fixture
def command(tmp_path: Path) -> tuple[str, ...]:
    file = tmp_path / "server.py"
    file.write_text(SERVER)
    return (sys.executable, str(file))


def read(base_url: str) -> str:
    with urllib.request.urlopen(base_url.removesuffix("/v1") + "/ready") as response:
        return response.read().decode()


def is_running(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def test_the_server_is_ready_inside_and_gone_after(command: tuple[str, ...]) -> None:
    said: list[str] = []
    with served("demo", ["--max-num-seqs", "4"], command=command, say=said.append) as base_url:
        answer = read(base_url)
        assert "'demo', '--port'" in answer
        assert "'--reasoning', 'visible', '--max-num-seqs', '4'] ''" in answer
        pid = int(answer.split()[-1])
        assert is_running(pid)
    assert not is_running(pid)
    assert said[0] == "starting a server for demo"


def test_a_server_that_ends_says_why(command: tuple[str, ...]) -> None:
    ended = pytest.raises(EvalError, match="status 65:\nno weights here")
    with ended, served("broken", command=command):
        pass


def test_the_server_ends_when_the_evaluation_is_killed(command: tuple[str, ...]) -> None:
    code = (
        "import time, urllib.request\n"
        "from eval.running.served import served\n"
        f"with served('demo', command={command!r}) as base_url:\n"
        "    print(base_url, flush=True)\n"
        "    time.sleep(600)\n"
    )
    evaluation = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    with evaluation:
        assert evaluation.stdout is not None
        pid = int(read(evaluation.stdout.readline().strip()).split()[-1])
        evaluation.send_signal(signal.SIGKILL)
    deadline_s = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert not is_running(pid)


def test_a_model_folder_is_told_from_a_name(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert is_folder(str(tmp_path))
    assert not is_folder("demo")
