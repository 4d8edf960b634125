"""Every request has an id and one line in the log, and no exception escapes."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Callable

import pytest
from starlette.types import Receive, Scope, Send

from server.access import Access
from server.model import ServedModel
from server.service import Service
from server.settings import Settings
from tests.fakes import Script, ScriptedEngine
from tests.live import LiveServer

CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "a planted question"}]}
URL = "/v1/chat/completions"


def test_every_answer_carries_a_request_id_of_its_own(server: LiveServer) -> None:
    with server.client() as client:
        ids = [
            client.get(path).headers["x-request-id"] for path in ("/health", "/nothing", "/health")
        ]
        ids.append(client.post(URL, json=CHAT | {"stream": True}).headers["x-request-id"])
    assert len(set(ids)) == 4
    assert all(re.fullmatch(r"req_[0-9a-f]{24}", id) for id in ids)


@pytest.mark.parametrize(
    ("sent", "is_kept"),
    [("trace-7.b_C", True), ("x" * 65, False), ("two words", False), ("a{b}", False), ("", False)],
)
def test_a_plain_id_of_the_client_is_kept(sent: str, is_kept: bool, server: LiveServer) -> None:
    with server.client() as client:
        id = client.get("/health", headers={"x-request-id": sent}).headers["x-request-id"]
    assert (id == sent) == is_kept


def test_the_log_tells_route_status_outcome_and_tokens_and_no_text(
    server: LiveServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.say("a planted answer", "a planted thought")
    with server.client() as client:
        client.post(URL, json=CHAT)
        client.post(URL, json=CHAT | {"stream": True})
        client.get("/planted/path")
    lines = [record.getMessage() for record in caplog.records if record.name == "server.access"]
    number = r"\d+\.\d{3} s"
    tokens = r"\d+ prompt, \d+ hidden and \d+ visible tokens"
    assert re.fullmatch(rf"{URL} 200 ok {number}, {tokens}", lines[0])
    assert re.fullmatch(rf"{URL} 200 ok {number}, {tokens}", lines[1])
    assert re.fullmatch(rf"unknown route 404 not_found {number}", lines[2])
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("server")]
    assert "planted" not in "\n".join(ours)
    whole = next(record for record in caplog.records if record.name == "server.access")
    assert (whole.status, whole.outcome, whole.key_id) == (200, "ok", "anonymous")  # type: ignore[attr-defined]
    assert whole.hidden_tokens > whole.visible_tokens > 0  # type: ignore[attr-defined]


def outcomes(server: LiveServer) -> set[str]:
    with server.client() as client:
        page = client.get("/metrics").text
    return set(re.findall(rf'reflect_requests_total{{endpoint="{URL}",outcome="(\w+)"}}', page))


def test_a_client_that_left_is_counted_as_disconnected(
    make_server: Callable[..., LiveServer],
) -> None:
    server = make_server()
    server.engine.is_paused = True
    for stream in (False, True):
        server.post_raw(CHAT | {"stream": stream}).close()
    server.wait_until(lambda: outcomes(server) == {"disconnected"})


def test_a_reply_that_failed_midway_is_counted_as_failed(
    make_server: Callable[..., LiveServer],
) -> None:
    server = make_server()
    server.say("x", error=RuntimeError("inner"), fail_after=20)
    with server.client() as client:
        client.post(URL, json=CHAT | {"stream": True})
    assert outcomes(server) == {"failed"}


@pytest.mark.parametrize(
    ("path", "of_openai"), [({}, True), ({"path": URL}, True), ({"path": "/v1/messages"}, False)]
)
async def test_an_exception_of_a_route_becomes_an_error_object(
    path: dict[str, str], of_openai: bool, model: ServedModel, caplog: pytest.LogCaptureFixture
) -> None:
    async def start() -> ScriptedEngine:
        return ScriptedEngine(lambda _: Script(()))

    service = Service(model.bundle, Settings(), start)
    detail = " ".join(["inner", "detail"])  # not as it stands in the line that raises it

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError(detail)

    sent = []

    async def send(message: dict) -> None:
        sent.append(message)

    async def receive() -> dict:
        await asyncio.sleep(0)
        return {"type": "http.disconnect"}

    scope = {"type": "http", "headers": []} | path
    await Access(broken, service)(scope, receive, send)  # type: ignore[arg-type]
    assert sent[0]["status"] == 500
    body = json.loads(sent[1]["body"])
    assert body["error"]["type"] == ("server_error" if of_openai else "api_error")
    assert body.get("type") == (None if of_openai else "error")
    assert b"inner detail" not in sent[1]["body"]
    assert "inner detail" not in caplog.text
    assert "RuntimeError" in caplog.text
    assert "File " in caplog.text
    await asyncio.wait_for(service.drain(), 1)
