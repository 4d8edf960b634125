"""Bodies are checked for type and size before they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from server.settings import Settings
from tests.live import LiveServer

URL = "/v1/chat/completions"
GOOD = b'{"model": "tiny", "messages": [{"role": "user", "content": "hello"}]}'


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=utf-8", "application/json;"]
)
def test_json_is_taken(kind: str, server: LiveServer) -> None:
    with server.client() as client:
        assert client.post(URL, content=GOOD, headers={"content-type": kind}).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_other_types_are_refused(kind: str, server: LiveServer) -> None:
    with server.client() as client:
        answer = client.post(URL, content=GOOD, headers={"content-type": kind})
    assert answer.status_code == 415
    assert answer.json()["error"]["code"] == "unsupported_media_type"


def test_a_body_over_the_limit_is_refused_with_and_without_a_declared_length(
    make_server: Callable[..., LiveServer],
) -> None:
    server = make_server(Settings(max_request_bytes=1000))

    def in_pieces() -> Iterator[bytes]:
        for _ in range(20):
            yield b" " * 100

    headers = {"content-type": "application/json"}
    with server.client() as client:
        for content in (b" " * 1001, in_pieces()):
            answer = client.post(URL, content=content, headers=headers)
            assert answer.status_code == 413
            assert answer.json()["error"]["code"] == "request_too_large"
        assert client.post(URL, content=GOOD, headers=headers).status_code == 200


def test_bytes_that_are_not_utf_8_are_refused(server: LiveServer) -> None:
    with server.client() as client:
        answer = client.post(
            URL,
            content=GOOD.replace(b"hello", b"\xff"),
            headers={"content-type": "application/json"},
        )
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_json"
