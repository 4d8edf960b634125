"""Exchanges of keys that consent are written whole, and can be read, counted and forgotten."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.database import open_database
from server.keys.policy import Caller, Policy
from server.protocol.chat import ChatCompletionRequest, CompletionTokensDetails, Usage
from server.records.recordings import Recorder, Recordings
from server.replies.answered import Answered, AnsweredCall
from server.replies.exchanges import Exchange
from tests.live import LiveServer

CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "How many?"}], "seed": 3}
CONSENTS = Caller("key_a", Policy(is_recorded=True))
USAGE = Usage(
    prompt_tokens=1,
    completion_tokens=2,
    total_tokens=3,
    completion_tokens_details=CompletionTokensDetails(reasoning_tokens=1),
)


def exchange(id: str, key_id: str = "key_a", text: str = "7") -> Exchange:
    request = ChatCompletionRequest.model_validate(CHAT)
    answer = Answered(text, [AnsweredCall("call_1", "f", "{}")], "length", frozenset({"b", "a"}))
    return Exchange(id, Caller(key_id), request, (answer,), USAGE)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'recordings.db'}"


@pytest.fixture
def recordings(url: str) -> Iterator[Recordings]:
    it = Recordings(open_database(url))
    yield it
    it.close()


def test_an_exchange_is_read_as_it_was_written(recordings: Recordings) -> None:
    recordings.add(exchange("x"), 12.5)
    (it,) = recordings.read()
    assert (it.id, it.at_s, it.key_id, it.model) == ("x", 12.5, "key_a", "tiny")
    assert it.request["seed"] == 3
    assert it.request["messages"][0]["role"] == "user"
    assert it.answers == [
        {
            "text": "7",
            "tool_calls": [{"id": "call_1", "name": "f", "arguments": "{}"}],
            "finish_reason": "length",
            "budget_hits": ["a", "b"],
        }
    ]
    assert it.usage["completion_tokens"] == 2


def test_recordings_are_read_in_time_by_key_and_from_a_time_on(recordings: Recordings) -> None:
    for number, key_id in enumerate(["key_a", "key_b", "key_a"]):
        recordings.add(exchange(f"x{number}", key_id), 10.0 - number)
    assert [it.id for it in recordings.read()] == ["x2", "x1", "x0"]
    assert [it.id for it in recordings.read(key_id="key_a")] == ["x2", "x0"]
    assert [it.id for it in recordings.read(since_s=9.0)] == ["x1", "x0"]
    assert recordings.count() == [("key_a", "tiny", 2), ("key_b", "tiny", 1)]


def test_what_a_key_said_can_be_forgotten(recordings: Recordings) -> None:
    for number, key_id in enumerate(["key_a", "key_b", "key_a"]):
        recordings.add(exchange(f"x{number}", key_id), float(number))
    assert recordings.forget(before_s=1.0) == 1
    assert recordings.forget(key_id="key_a") == 1
    assert [it.id for it in recordings.read()] == ["x1"]
    with pytest.raises(ValueError, match="expected a key or a time"):
        recordings.forget()


def test_a_failed_write_is_logged_without_its_text(
    recordings: Recordings, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(recordings)
    recorder.keep(exchange("x", text="planted"))
    recorder.keep(exchange("x", text="planted"))
    recorder.close()
    assert "x could not be recorded: IntegrityError" in caplog.text
    assert "planted" not in caplog.text


def test_a_server_records_the_keys_that_consent_and_no_others(
    make_server: Callable[..., LiveServer],
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    server = make_server()
    recorder = Recorder(Recordings(open_database(url)))
    server.service.sinks.append(recorder)
    server.say("7 apples", "a planted thought")
    assert recorder.wants(CONSENTS)
    assert not recorder.wants(Caller())
    with server.client() as client:
        assert client.post("/v1/chat/completions", json=CHAT).status_code == 200
        with monkeypatch.context() as patch:
            patch.setattr(Recorder, "wants", lambda *_: True)
            for stream in (False, True):
                body = CHAT | {"stream": stream, "n": 2}
                assert client.post("/v1/chat/completions", json=body).status_code == 200
    recorder.close()
    again = Recordings(open_database(url))
    kept = list(again.read())
    assert [[answer["text"] for answer in it.answers] for it in kept] == [["7 apples"] * 2] * 2
    assert "planted" not in repr(kept)
    again.close()
