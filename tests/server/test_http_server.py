"""A signal lets running replies finish, refuses new ones, and ends the process with 0."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from decoding.bundle import Bundle
from server.engines.engine import Engine
from server.settings import Settings
from tests.live import LiveServer

ROOT = Path(__file__).resolve().parents[2]
CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "hello"}]}
URL = "/v1/chat/completions"


def test_draining_finishes_what_runs_and_refuses_what_comes(
    make_server: Callable[..., LiveServer],
) -> None:
    server = make_server()
    server.engine.is_paused = True
    with server.client() as client, ThreadPoolExecutor(2) as pool:
        whole = pool.submit(client.post, URL, json=CHAT)
        stream = pool.submit(client.post, URL, json=CHAT | {"stream": True})
        server.wait_until(lambda: server.num_unfinished == 2)
        server.server.handle_exit(signal.SIGTERM, None)
        server.wait_until(lambda: client.get("/ready").json()["status"] == "draining")
        refused = client.post(URL, json=CHAT)
        assert refused.status_code == 503
        assert "retry-after" in refused.headers
        assert client.get("/health").status_code == 200
        server.engine.is_paused = False
        assert whole.result().json()["choices"][0]["message"]["content"] == "I do not know."
        assert stream.result().text.endswith("data: [DONE]\n\n")
    server.wait_until(lambda: server.is_stopped)
    assert server.engine.is_closed
    assert server.server.exit_status == 0


def test_draining_gives_up_on_what_takes_too_long(make_server: Callable[..., LiveServer]) -> None:
    server = make_server(Settings(drain_timeout_s=0.1))
    server.engine.is_paused = True
    with server.post_raw(CHAT | {"stream": True}):
        server.server.handle_exit(signal.SIGTERM, None)
        server.wait_until(lambda: server.is_stopped)
    assert server.num_unfinished == 0


def test_a_second_signal_stops_at_once(make_server: Callable[..., LiveServer]) -> None:
    server = make_server()
    server.engine.is_paused = True
    with server.post_raw(CHAT):
        server.server.handle_exit(signal.SIGTERM, None)
        server.wait_until(lambda: server.service.status == "draining")
        server.server.handle_exit(signal.SIGTERM, None)
        server.wait_until(lambda: server.is_stopped)


def test_an_engine_that_does_not_start_ends_the_server_with_1(
    make_server: Callable[..., LiveServer],
) -> None:
    async def start() -> Engine:
        raise MemoryError("no room")

    server = make_server(start_engine=start)
    server.wait_until(lambda: server.is_stopped)
    assert server.server.exit_status == 1


def test_a_process_that_gets_sigterm_finishes_its_stream_and_exits_with_0(bundle: Bundle) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.serve_scripted", str(bundle.folder), str(port)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60
        ) as client:
            wait_until_ready(client)
            with client.stream("POST", URL, json=CHAT | {"stream": True}) as answer:
                lines = answer.iter_lines()
                assert "assistant" in next(lines)
                process.send_signal(signal.SIGTERM)
                assert [line for line in lines if line][-1] == "data: [DONE]"
        _, log = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    assert "draining: 1 requests in flight" in log
    assert "Traceback" not in log


@pytest.mark.parametrize("num_signals", [1, 2])
@pytest.mark.parametrize("how", ["slow", "stubborn"])
def test_a_process_that_gets_sigterm_while_it_loads_exits_soon_with_0_and_leaves_nothing(
    how: str, num_signals: int, bundle: Bundle, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.serve_scripted", str(bundle.folder), str(port), how],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"REFLECT_CACHE": "", "TMPDIR": str(tmp_path)},
    )
    child = None
    try:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        for _ in range(num_signals):
            process.send_signal(signal.SIGTERM)
            time.sleep(0.05)
        _, log = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "stopped while the model was loading" in log
        assert "Traceback" not in log
        assert not is_running(child)
        assert list(tmp_path.iterdir()) == []
    finally:
        process.kill()
        process.communicate()
        if child is not None and is_running(child):
            os.kill(child, signal.SIGKILL)


def is_running(pid: int) -> bool:
    """Tell whether a process is there; one that nobody has waited for is not."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] not in "ZX"


def wait_until_ready(client: httpx.Client) -> None:
    deadline_s = time.monotonic() + 120
    while time.monotonic() < deadline_s:
        try:
            if client.get("/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError("the server did not get ready")
