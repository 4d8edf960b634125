"""Probes tell apart alive, loading, ready and failed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import anyio.to_thread

from decoding.bundle import GoldenReply
from server.engines.engine import Engine
from tests.fakes import Script, ScriptedEngine
from tests.live import LiveServer

CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "hello"}]}


def test_health_is_there_at_once_and_ready_when_the_model_is(
    make_server: Callable[..., LiveServer],
) -> None:
    may_start = threading.Event()
    engine = ScriptedEngine(lambda _: Script(()))

    async def start() -> Engine:
        await anyio.to_thread.run_sync(may_start.wait)
        return engine

    server = make_server(engine=engine, start_engine=start)
    with server.client() as client:
        assert client.get("/health").json() == {"status": "ok"}
        answer = client.get("/ready")
        assert answer.status_code == 503
        assert answer.json() == {"status": "loading", "reason": "the model is loading"}
        refused = client.post("/v1/chat/completions", json=CHAT)
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "5"
        assert refused.json()["error"]["code"] == "unavailable"
        assert client.get("/v1/models").status_code == 200
        may_start.set()
        server.wait_until(server.service.settled.is_set)
        assert client.get("/ready").json() == {"status": "ready"}


def test_weights_that_fail_the_self_test_are_never_ready(
    make_server: Callable[..., LiveServer],
) -> None:
    engine = ScriptedEngine(lambda _: Script((7, 8), "length"))
    model_bundle = make_server().model.bundle
    bundle = replace(model_bundle, golden_replies=(GoldenReply((1,), (7, 9)),))
    server = make_server(engine=engine, bundle=bundle)
    with server.client() as client:
        assert client.get("/health").status_code == 200
        answer = client.get("/ready")
        assert answer.status_code == 503
        assert answer.json()["status"] == "refused"
        assert "golden reply 0" in answer.json()["reason"]
        assert client.post("/v1/chat/completions", json=CHAT).status_code == 503


def test_a_dead_engine_is_neither_ready_nor_alive(make_server: Callable[..., LiveServer]) -> None:
    server = make_server()
    server.engine.is_healthy = False
    with server.client() as client:
        assert client.get("/health").status_code == 503
        assert client.get("/ready").json() == {
            "status": "failed",
            "reason": "the engine has stopped",
        }
        assert client.post("/v1/chat/completions", json=CHAT).status_code == 503


def test_metrics_count_requests_by_route_and_outcome(
    make_server: Callable[..., LiveServer],
) -> None:
    server = make_server()
    with server.client() as client:
        client.post("/v1/chat/completions", json=CHAT)
        client.post("/v1/chat/completions", json={})
        client.get("/made/up/by/a/client")
        page = client.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = page.text.splitlines()
    chat = 'reflect_requests_total{endpoint="/v1/chat/completions",outcome='
    assert f'{chat}"ok"}} 1.0' in lines
    assert f'{chat}"invalid"}} 1.0' in lines
    unknown = 'reflect_requests_total{endpoint="unknown route",outcome="not_found"} 1.0'
    assert unknown in lines
    assert "made/up" not in page.text
    assert "reflect_time_to_first_answer_token_seconds_count 1.0" in lines
