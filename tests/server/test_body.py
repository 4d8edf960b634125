"""Bodies are checked for type, size and shape before they are read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from pydantic import ValidationError

from server.body import check_shape
from server.protocol.chat import ChatCompletionRequest
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


def body(fields: str) -> bytes:
    return b'{"model": "tiny", "messages": [{"role": "user", "content": "hello"}], %b}' % (
        fields.encode("utf-8", "surrogatepass")
    )


def nested(depth: int) -> str:
    return '"metadata": ' + '{"a":' * depth + "1" + "}" * depth


SCHEMA = '"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": %s}}'


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"[" * 100_000, "invalid_json"),
        (b"[" * 100_000 + b"]" * 100_000, "invalid_json"),
        (body(nested(100_000)), "invalid_json"),
        (body(SCHEMA % ("[" * 250 + "]" * 250)), "invalid_json"),
        (body('"seed": ' + "9" * 1_000_000), "invalid_json"),
        (body('"seed": ' + "9" * 4_000), "invalid_value"),
        (body('"temperature": NaN'), "invalid_json"),
        (body('"temperature": 1e999'), "invalid_value"),
        (body('"top_p": -Infinity'), "invalid_json"),
        (body(SCHEMA % '{"minimum": NaN}'), "invalid_json"),
        (body('"user": "\\ud800"'), "invalid_json"),
        (body('"user": "\\udc00"'), "invalid_json"),
        (body('"user": "\ud800"'), "invalid_json"),
        (body('"user": "a\0b"'), "invalid_json"),
        (b"\xef\xbb\xbf" + GOOD, "invalid_json"),
        (GOOD.replace(b"hello", b"\xc0\x80"), "invalid_json"),
        (GOOD + b" x", "invalid_json"),
        (b"", "invalid_json"),
        (b"null", "invalid_value"),
        (b"[]", "invalid_value"),
        (b'"' + b"a" * 1_000_000, "invalid_json"),
        (GOOD.replace(b'"tiny"', b'"' + b"a" * 1_000_000 + b'"'), "model_not_found"),
        (body(",".join(f'"k{i}": 1' for i in range(30_000))), "too_many_values"),
        (body('"stop": [' + ",".join(['"a"'] * 400_000) + "]"), "too_many_values"),
        (body(",".join(f'"k{i}": 1' for i in range(3_000))), "unknown_parameter"),
        (body('"stop": [' + ",".join(["1"] * 200_000) + "]"), "invalid_value"),
        (b'{"model": "tiny", "messages": [' + b",".join([b"1"] * 200_000) + b"]}", "invalid_value"),
    ],
)
def test_hostile_bodies_are_refused_by_name(content: bytes, code: str, server: LiveServer) -> None:
    with server.client() as client:
        answer = client.post(URL, content=content, headers={"content-type": "application/json"})
        assert answer.status_code == (404 if code == "model_not_found" else 400)
        assert answer.json()["error"]["code"] == code
        assert len(answer.content) < 1000
    assert server.engine.calls == []


def test_of_a_name_that_stands_twice_the_last_counts(server: LiveServer) -> None:
    content = GOOD.replace(b'"model"', b'"model": "other", "model"')
    with server.client() as client:
        answer = client.post(URL, content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 200


def test_a_long_conversation_is_no_attack() -> None:
    message = {"role": "user", "content": [{"type": "text", "text": "a, {b} [c]"}] * 3}
    check_shape(json.dumps({"messages": [message] * 1000}).encode())
    check_shape(json.dumps({"prompt": [7] * 131_072}).encode())


def test_a_list_is_read_up_to_its_first_mistake() -> None:
    words = [1] * 1000
    with pytest.raises(ValidationError) as refusal:
        ChatCompletionRequest.model_validate(
            {"model": "tiny", "messages": words, "structured_outputs": {"choice": words}}
        )
    assert refusal.value.error_count() == 2
