import json
from typing import Any

import pytest

from client.bodies import MAX_MESSAGE, error_code, error_message, model_ids, read_turn


def completion(message: dict[str, Any], **fields: Any) -> bytes:
    return json.dumps({"choices": [{"message": message}], **fields}).encode()


def test_reasoning_is_read_under_both_names() -> None:
    for name in ("reasoning", "reasoning_content"):
        turn = read_turn(completion({"content": "4", name: "2 + 2"}), 0.5)
        assert (turn.content, turn.reasoning, turn.latency_s) == ("4", "2 + 2", 0.5)
    assert read_turn(completion({"content": "4", "reasoning": ""}), 0.5).reasoning is None


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, ""),
        (7, ""),
        ([{"type": "text", "text": "a"}, {"type": "image"}, "b", {"text": "c"}], "ac"),
        ("grün", "grün"),
        ("half \ud83d here", "half \ufffd here"),
    ],
)
def test_any_content_is_text(content: Any, text: str) -> None:
    assert read_turn(completion({"content": content}), 0.0).content == text


def test_of_usage_only_numbers_are_kept() -> None:
    usage = {
        "completion_tokens": 7,
        "prompt_tokens": -1,
        "total_tokens": 10**400,
        "note": "who am I",
        "completion_tokens_details": {"reasoning_tokens": 3, "x": [1]},
    }
    turn = read_turn(completion({"content": ""}, usage=usage), 0.0)
    assert turn.usage == {
        "completion_tokens": 7,
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    assert read_turn(completion({"content": ""}, usage=[7]), 0.0).usage is None


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"choices": []}', b'{"choices": 1}'])
def test_another_form_is_no_completion(body: bytes) -> None:
    with pytest.raises((ValueError, LookupError, TypeError)):
        read_turn(body, 0.0)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error": {"message": "too  long\\n"}}', "too long"),
        (b'{"error": "no"}', "no"),
        (b"<h1>Bad</h1>", "<h1>Bad</h1>"),
        (b"", ""),
    ],
)
def test_an_error_says_what_its_body_says(body: bytes, said: str) -> None:
    assert error_message(body) == said


def test_an_error_has_the_code_of_its_body_if_it_has_one() -> None:
    assert error_code(b'{"error": {"message": "no", "code": "content_filter"}}') == "content_filter"
    for body in (
        b'{"error": {"message": "no"}}',
        b'{"error": {"code": 3}}',
        b'{"error": "no"}',
        b"",
    ):
        assert error_code(body) is None


def test_a_long_error_is_cut() -> None:
    assert len(error_message(b"x" * 10_000)) == MAX_MESSAGE + 1


def test_models_are_listed_or_there_are_none() -> None:
    assert model_ids(b'{"data": [{"id": "a"}, {"id": 2}]}') == ["a", "2"]
    assert model_ids(b'{"data": [{}]}') == model_ids(b"nothing") == []
