"""Errors, tracebacks and log lines say what happened, and quote nothing that is hidden or sent."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from server.errors import EngineError
from tests.fakes import Call, Script
from tests.live import LiveServer
from tests.server.leaks.conftest import ANSWER
from tests.server.leaks.traces import THOUGHT, WORD, leaks, log_lines

URL = "/v1/chat/completions"
FIELDS: tuple[dict, ...] = ({}, {"stream": True}, {"n": 2}, {"logprobs": True})


def give(script: Script, _: Call) -> Script:
    return script


def failing(server: LiveServer, at: int) -> list[Script]:
    """Return scripts that fail at a token, each in its own way."""
    whole = server.script(ANSWER, THOUGHT)
    half = UnicodeDecodeError("utf-8", b"\xe2\x92", 0, 1, WORD)
    errors = (RuntimeError(WORD), KeyError(WORD), half)
    return [
        *(replace(whole, error=error, fail_after=at) for error in errors),
        replace(whole, error=EngineError("The engine failed."), fail_after=at),
        Script(whole.token_ids[:at], "abort"),
        Script(whole.token_ids[:at], "length"),
        Script(whole.token_ids[:at], None),
        Script((*whole.token_ids[:at], *server.encode(WORD))),
        Script((*whole.token_ids[:at], 10**6)),
    ]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_reply_that_fails_in_any_way_shows_nothing_in_answers_and_logs(
    share: float, planted: LiveServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    received = []
    at = int(len(planted.script(ANSWER, THOUGHT).token_ids) * share)
    question = f"a question of {WORD}s"
    chat: Any = {"model": "tiny", "messages": [{"role": "user", "content": question}]}
    with planted.client() as client:
        for script in failing(planted, at):
            planted.engine.script = partial(give, script)
            bodies = [chat | fields for fields in FIELDS]
            received += [client.post(URL, json=body).content for body in bodies]
        received.append(client.get("/metrics").content)
    assert leaks(received) == []
    assert b"server_error" in b"".join(received)
    ours = [r for r in caplog.records if not r.name.startswith(("httpcore", "httpx"))]
    assert any("failed" in record.getMessage() for record in ours)
    assert leaks(log_lines(ours)) == []


@pytest.mark.parametrize(
    "body",
    [
        {"model": WORD},
        {"messages": [{"role": "user", "content": WORD}] * 2000},
        {"messages": [{"role": WORD, "content": "x"}]},
        {"messages": [{"role": "user", "content": {"text": WORD}}]},
        {"temperature": WORD},
        {"metadata": {"a": [WORD]}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": WORD, "schema": 1}}},
        {"structured_outputs": {"regex": f"({WORD}"}},
        {"tools": [{"type": "function", "function": {"name": WORD, "parameters": {"type": WORD}}}]},
    ],
)
def test_what_a_client_sends_is_in_no_log(
    body: dict, planted: LiveServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    chat = {"model": "tiny", "messages": [{"role": "user", "content": "Hi"}]}
    with planted.client() as client:
        assert 400 <= client.post(URL, json=chat | body).status_code < 500
        assert leaks([client.get("/metrics").content]) == []
    ours = [r for r in caplog.records if not r.name.startswith(("httpcore", "httpx"))]
    assert leaks(log_lines(ours)) == []
