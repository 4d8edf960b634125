"""What a server has stored outlives it, even where it is killed in the middle of everything."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from socket import create_server
from typing import Any

import httpx
import pytest

from decoding.bundle import Bundle

HELLO = {"model": "tiny", "input": "Hello"}
NUM_CLIENTS, NUM_BACKGROUND, WAIT_S = 6, 8, 60.0


class Killed:
    """A server in a process of its own, which is killed and started again on the same data."""

    def __init__(self, bundle: Bundle, data: Path) -> None:
        with create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self._command = [sys.executable, "-m", "tests.serve_scripted", str(bundle.folder)]
        self._command += [str(self._port), "fast", str(data)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> httpx.Client:
        """Start it, wait until it is ready, and return a client of it."""
        self._process = subprocess.Popen(self._command, cwd=Path(__file__).parents[2])
        url = f"http://127.0.0.1:{self._port}"
        wait_until(lambda: is_ready(url))
        return httpx.Client(base_url=url, trust_env=False, timeout=WAIT_S)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def wait_until(is_true: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not is_true():
        assert time.monotonic() < deadline_s, "the condition did not come true in time"
        time.sleep(0.05)


@pytest.fixture
def killed(bundle: Bundle, tmp_path: Path) -> Iterator[Killed]:
    server = Killed(bundle, tmp_path)
    yield server
    server.kill()


def store_until_it_is_gone(url: httpx.URL, told: list[dict[str, Any]]) -> None:
    """Make responses until the server is gone, and note those that came whole."""
    with httpx.Client(base_url=url, trust_env=False, timeout=WAIT_S) as client:
        try:
            while True:
                told.append(client.post("/v1/responses", json=HELLO).json())
        except httpx.TransportError:
            return


def test_what_was_told_is_there_after_a_kill_and_what_was_not_has_failed(
    killed: Killed, tmp_path: Path
) -> None:
    told: list[dict[str, Any]] = []
    sealed: dict[str, Any] = HELLO | {"include": ["reasoning.encrypted_content"], "store": False}
    with killed.start() as client:
        output = client.post("/v1/responses", json=sealed).json()["output"]
        threads = [
            threading.Thread(target=store_until_it_is_gone, args=(client.base_url, told))
            for _ in range(NUM_CLIENTS)
        ]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(told) >= NUM_CLIENTS)
        body = HELLO | {"background": True}
        ids = [client.post("/v1/responses", json=body).json()["id"] for _ in range(NUM_BACKGROUND)]
        killed.kill()
        for thread in threads:
            thread.join(WAIT_S)
    with closing(sqlite3.connect(tmp_path / "responses.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with killed.start() as client:
        for response in told:
            assert client.get(f"/v1/responses/{response['id']}").json() == response

        def statuses() -> set[str]:
            return {client.get(f"/v1/responses/{id}").json()["status"] for id in ids}

        wait_until(lambda: not statuses() & {"queued", "in_progress"})
        assert "failed" in statuses()
        failed = [client.get(f"/v1/responses/{id}").json() for id in ids]
        assert all(r["error"]["code"] == "server_error" for r in failed if r["error"])
        # Conversations go on, those that only their clients kept too.
        turns = [{"role": "user", "content": "a"}, *output, {"role": "user", "content": "b"}]
        for again in (HELLO | {"previous_response_id": told[0]["id"]}, sealed | {"input": turns}):
            assert client.post("/v1/responses", json=again).json()["status"] == "completed"
