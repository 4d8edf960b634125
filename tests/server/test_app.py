"""The application guards its routes and answers every mistake with OpenAI's error object."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from server.keys.policy import Keys, Policy
from server.keys.store import KeyStore
from server.settings import Settings
from tests.live import LiveServer

OPEN = {"/", "/page/{name}", "/health", "/ready", "/openapi.json"}
KEY = "a-key-of-sixteen-or-more"
CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "hello"}]}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/index.html", 404, "unknown_url"),
        ("POST", "/", 405, "method_not_allowed"),
        ("GET", "/v1/nothing", 404, "unknown_url"),
        ("POST", "/v1/chat/completions/", 404, "unknown_url"),
        ("GET", "/docs", 404, "unknown_url"),
        ("GET", "/v1/chat/completions", 405, "method_not_allowed"),
        ("DELETE", "/v1/models", 405, "method_not_allowed"),
        ("POST", "/health", 405, "method_not_allowed"),
    ],
)
def test_unknown_urls_and_methods_get_an_error_object(
    method: str, path: str, status: int, code: str, server: LiveServer
) -> None:
    with server.client() as client:
        answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert answer.json()["error"]["code"] == code
    assert ("allow" in answer.headers) == (status == 405)


@pytest.fixture
def guarded(make_server: Callable[..., LiveServer]) -> LiveServer:
    return make_server(Settings(keys=Keys.load(KEY, None)))


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer wrong-key-of-sixteen", KEY, f"Basic {KEY}"]
)
def test_without_the_right_key_nothing_but_the_probes_answers(
    header: str | None, guarded: LiveServer
) -> None:
    headers = {} if header is None else {"authorization": header}
    with guarded.client(**headers) as client:
        for method, path in (
            ("GET", "/v1/models"),
            ("GET", "/v1/models/tiny"),
            ("POST", "/v1/chat/completions"),
            ("GET", "/metrics"),
        ):
            answer = client.request(method, path)
            assert answer.status_code == 401
            assert answer.json()["error"]["code"] == "invalid_api_key"
            assert answer.headers["www-authenticate"] == "Bearer"
            assert KEY not in answer.text
        assert client.get("/health").status_code == 200
        assert client.get("/ready").status_code == 200
    assert guarded.engine.calls == []


@pytest.mark.parametrize("header", [f"Bearer {KEY}", f"bearer {KEY}", f"Bearer  {KEY}"])
def test_with_the_right_key_everything_answers(header: str, guarded: LiveServer) -> None:
    with guarded.client(authorization=header) as client:
        assert client.get("/v1/models").status_code == 200
        assert client.get("/metrics").status_code == 200
        assert client.post("/v1/chat/completions", json=CHAT).status_code == 200


def test_the_key_may_come_as_other_clients_send_it(guarded: LiveServer) -> None:
    with guarded.client(**{"x-api-key": KEY}) as client:
        assert client.get("/v1/models").status_code == 200
        wrong = {"authorization": "Bearer wrong-key-of-sixteen"}
        assert client.get("/v1/models", headers=wrong).status_code == 401
    with guarded.client(**{"x-api-key": "wrong-key-of-sixteen"}) as client:
        assert client.get("/v1/models").status_code == 401


def test_no_route_but_those_that_are_meant_to_answers_without_a_key(guarded: LiveServer) -> None:
    answered = set()
    with guarded.client() as client:
        for route in guarded.app.routes:
            path = getattr(route, "path", "")
            for method in getattr(route, "methods", None) or {"GET"}:
                answer = client.request(method, re.sub("[{}]", "", path))
                if answer.status_code != 401:
                    answered.add(path)
    assert answered <= OPEN
    assert "/health" in answered


def test_a_key_that_is_revoked_is_refused_by_the_running_server(
    make_server: Callable[..., LiveServer], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'keys.db'}"
    store = KeyStore.open(url)
    key, secret = store.add("ann", Policy(), 100)
    server = make_server(Settings(keys_url=url, keys_poll_s=0.01))
    with server.client(authorization=f"Bearer {secret}") as client:
        assert client.post("/v1/chat/completions", json=CHAT).status_code == 200
        store.revoke(key.id, 101)
        server.wait_until(lambda: client.get("/v1/models").status_code == 401)
        assert client.post("/v1/chat/completions", json=CHAT).status_code == 401
    store.close()


def test_the_log_names_the_key_by_its_id_alone(
    make_server: Callable[..., LiveServer], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = f"sqlite:///{tmp_path / 'keys.db'}"
    store = KeyStore.open(url)
    key, secret = store.add("ann", Policy(), 100)
    store.close()
    server = make_server(Settings(keys_url=url))
    with server.client(authorization=f"Bearer {secret}") as client:
        client.get("/v1/models")

    def lines() -> list[dict]:
        return [vars(record) for record in caplog.records if record.name.startswith("server")]

    server.wait_until(lambda: key.id in {line.get("key_id") for line in lines()})
    assert secret not in str(lines())
