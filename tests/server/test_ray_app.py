"""Replicas behind Ray Serve: a cluster of this machine alone, scripted engines in it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from decoding.bundle import Bundle
from server import flags
from server.engines.vllm_settings import EngineSettings
from server.ray_app import ReplicasError, _check, app
from tests.serve_replicas import DIE, THINK, THINKING_S

ROOT = Path(__file__).parents[2]
URL = "/v1/chat/completions"
START_S = 300.0  # the machine may be busy
TRIES, TOO_BUSY = 4, re.compile("timed out during startup|proxies not available")
PATIENT = {
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
    "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "60",
}


@dataclass(frozen=True)
class Cluster:
    """Replicas in a Ray cluster of their own; one for the module."""

    process: subprocess.Popen[str]
    client: httpx.Client

    def ask(self, seed: int = 0, **fields: Any) -> httpx.Response:
        return self.client.post(URL, json=self.chat(seed, **fields))

    def chat(self, seed: int, **fields: Any) -> dict[str, Any]:
        messages = [{"role": "user", "content": "Hello"}]
        return {"model": "tiny", "seed": seed, "messages": messages, **fields}

    def pids(self, num: int = 16) -> set[str]:
        with ThreadPoolExecutor(num) as threads:
            answers = list(threads.map(lambda _: self.ask(), range(num)))
        assert {answer.status_code for answer in answers} == {200}
        return {answer.json()["choices"][0]["message"]["content"] for answer in answers}

    def told(self, what: str) -> int:
        """Sum over the replicas what they tell."""
        found: dict[int, int] = {}
        deadline_s = time.monotonic() + 30
        while len(found) < 2 and time.monotonic() < deadline_s:
            told = self.client.get("/told").json()
            found[told["pid"]] = told[what]
        return sum(found.values())

    def wait_until(self, condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline_s
            time.sleep(0.1)


def start(folder: Path, port: int, *more: str) -> subprocess.Popen[str]:
    pytest.importorskip("ray", reason="Ray is not installed: the extra `ray`")
    return subprocess.Popen(
        [sys.executable, "-m", "tests.serve_replicas", str(folder), str(port), *more],
        cwd=ROOT,
        env=os.environ | PATIENT | {"RAY_ADDRESS": "local"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def cluster(bundle: Bundle) -> Iterator[Cluster]:
    found = next(filter(None, (_started(bundle) for _ in range(TRIES))), None)
    assert found is not None, "Ray did not start in time"
    try:
        yield found
    finally:
        found.client.close()
        found.process.send_signal(signal.SIGTERM)
        try:
            found.process.communicate(timeout=90)
        finally:
            found.process.kill()


def _started(bundle: Bundle) -> Cluster | None:
    """Start replicas; None where the machine was too busy for Ray, which gives itself 30 s."""
    port = free_port()
    process = start(bundle.folder, port, "2")
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60)
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s and process.poll() is None:
        try:
            if client.get("/ready").status_code == 200:
                return Cluster(process, client)
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    client.close()
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=90)
    if not TOO_BUSY.search(output):
        pytest.fail(f"the replicas did not become ready:\n{output[-4000:]}")
    return None


def test_a_number_of_replicas_is_one_or_the_least_and_the_most(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert flags.parse(["demo"]).replicas is None
    assert flags.parse(["demo", "--replicas", "3"]).replicas == (3, 3)
    assert flags.parse(["demo", "--replicas", "1:8"]).replicas == (1, 8)
    for wrong in ("0", "4:2", "x", "1:"):
        if wrong == "1:":
            assert flags.parse(["demo", "--replicas", wrong]).replicas == (1, 1)
            continue
        with pytest.raises(SystemExit):
            flags.parse(["demo", "--replicas", wrong])
        assert "--replicas" in capsys.readouterr().err


def test_a_replica_over_several_nodes_is_refused(tmp_path: Path) -> None:
    _check(EngineSettings(tmp_path, vllm={"tensor_parallel_size": 2}))
    with pytest.raises(ReplicasError, match="one node"):
        _check(EngineSettings(tmp_path, vllm={"distributed_executor_backend": "ray"}))


def test_serve_run_takes_the_flags_by_name(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own, of how it uses pydantic
        pytest.importorskip("ray.serve", reason="Ray is not installed: the extra `ray`")
    monkeypatch.chdir(bundle.folder.parent)
    data = {"data": str(tmp_path)}
    application = app({"model": "tiny", "replicas": "1:4", "max-num-seqs": "8"} | data)
    replica = application._bound_deployment
    arguments, served, settings, _ = replica.init_args
    assert (arguments.max_num_seqs, served.folder, settings.data) == (8, bundle.folder, tmp_path)
    scaling = replica._deployment_config.autoscaling_config
    assert (scaling.min_replicas, scaling.max_replicas) == (1, 4)
    assert replica._deployment_config.max_ongoing_requests > 8 + arguments.max_queue
    with pytest.raises(ReplicasError, match="model="):
        app({"replicas": "2"})


@pytest.mark.engine
def test_requests_are_shared_among_the_replicas(cluster: Cluster) -> None:
    cluster.wait_until(lambda: len(cluster.pids()) == 2)
    assert all(pid.isdigit() for pid in cluster.pids())


@pytest.mark.engine
def test_a_stream_passes_as_it_is_written_with_comments_while_it_thinks(cluster: Cluster) -> None:
    started_s = time.monotonic()
    with cluster.client.stream("POST", URL, json=cluster.chat(THINK, stream=True)) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [(time.monotonic() - started_s, line) for line in answer.iter_lines() if line]
    comments = [at_s for at_s, line in lines if line.startswith(":")]
    assert len(comments) >= 3
    assert comments[0] < THINKING_S
    events = [line for _, line in lines if line.startswith("data: ")]
    assert events[-1] == "data: [DONE]"
    chunks = [json.loads(event[6:]) for event in events[:-1]]
    text = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"])
    assert text.isdigit()


@pytest.mark.engine
def test_a_client_that_leaves_frees_its_request_in_the_engine(cluster: Cluster) -> None:
    before = cluster.told("aborted")
    with cluster.client.stream("POST", URL, json=cluster.chat(THINK, stream=True)) as answer:
        next(line for line in answer.iter_lines() if line.startswith(":"))
    cluster.wait_until(lambda: cluster.told("aborted") == before + 1, timeout_s=THINKING_S)


@pytest.mark.engine
def test_errors_and_probes_pass_as_they_are(cluster: Cluster) -> None:
    assert cluster.client.get("/health").status_code == 200
    assert cluster.client.get("/ready").status_code == 200
    assert cluster.client.get("/nowhere").json()["error"]["code"] == "unknown_url"
    wrong = cluster.ask(temperature=9)
    assert wrong.status_code == 400
    assert wrong.json()["error"]["param"] == "temperature"
    assert len(wrong.headers.get_list("x-request-id")) == 1


@pytest.mark.engine
def test_a_replica_whose_engine_died_is_replaced(cluster: Cluster) -> None:
    before = cluster.pids()
    cluster.ask(seed=DIE)
    statuses: list[int] = []

    def is_replaced() -> bool:
        statuses.append(cluster.client.get("/health").status_code)
        if statuses[-1] != 200:
            return False
        answer = cluster.ask()
        pid = answer.json()["choices"][0]["message"]["content"] if answer.is_success else ""
        return pid.isdigit() and pid not in before

    cluster.wait_until(is_replaced, timeout_s=120)


@pytest.mark.engine
def test_sigterm_lets_a_stream_finish_and_leaves_no_process(cluster: Cluster) -> None:
    with cluster.client.stream("POST", URL, json=cluster.chat(THINK, stream=True)) as answer:
        lines = answer.iter_lines()
        next(line for line in lines if line.startswith(":"))
        children = _descendants(cluster.process.pid)
        assert len(children) > 4
        cluster.process.send_signal(signal.SIGTERM)
        assert [line for line in lines if line][-1] == "data: [DONE]"
    output, _ = cluster.process.communicate(timeout=90)
    assert cluster.process.returncode == 0, output
    assert "Traceback" not in output
    cluster.wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children))


@pytest.mark.engine
def test_replicas_that_cannot_start_end_the_command_with_1(bundle: Bundle) -> None:
    for _ in range(TRIES):
        process = start(bundle.folder, free_port(), "1", "0")
        try:
            output, _ = process.communicate(timeout=START_S)
        finally:
            process.kill()
        if not TOO_BUSY.search(output):
            break
    assert process.returncode == 1, output
    assert "told to fail" in output


def _descendants(pid: int) -> set[int]:
    from server.children import descendants

    return descendants(pid)
