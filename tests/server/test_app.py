"""The application guards its routes and answers every mistake with OpenAI's error object."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from server.policy import Keys
from server.settings import Settings
from tests.live import LiveServer

KEY = "a-key-of-sixteen-or-more"
CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "hello"}]}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "unknown_url"),
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
