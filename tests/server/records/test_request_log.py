"""The log of requests is a file of its own that says what it is, and holds nothing hidden."""

from __future__ import annotations

import json
import logging
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.keys.policy import Reasoning
from server.records.request_log import RequestLog, RequestLogError
from server.settings import Settings
from tests.live import LiveServer

CHAT: Any = {"model": "tiny", "messages": [{"role": "user", "content": "a question"}]}
URL = "/v1/chat/completions"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "requests.jsonl"


def test_requests_and_answers_are_written_and_no_reasoning_even_where_it_is_shown(
    file: Path, make_server: Callable[..., LiveServer], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    log = RequestLog.open(file)
    server = make_server(Settings(reasoning=Reasoning.VISIBLE))
    server.service.sinks.append(log)
    server.service.on_close.append(log.close)
    server.say("an answer", "a planted thought")
    before = {"role": "assistant", "content": "earlier", "reasoning": "planted, earlier"}
    bodies = [
        CHAT | {"include_reasoning": True},
        CHAT | {"stream": True, "include_reasoning": True},
        CHAT | {"messages": [*CHAT["messages"], before, *CHAT["messages"]]},
        CHAT | {"n": 99},
    ]
    with server.client() as client:
        for body in bodies:
            client.post(URL, json=body)
    server.wait_until(lambda: len(file.read_text().splitlines()) == 4)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert "holds the texts" in lines[0]["warning"]
    for line in lines[1:]:
        assert line["key_id"] == "anonymous"
        assert line["request"]["messages"][-1]["content"][0]["text"] == "a question"
        assert line["answers"][0]["text"] == "an answer"
        assert line["usage"]["total_tokens"] > 0
    assert "planted" not in file.read_text()
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("server")]
    assert "a question" not in "\n".join(ours)
    assert [m for m in ours if "texts of all requests" in m and str(file) in m]


def test_only_its_owner_may_read_it(file: Path) -> None:
    file.touch(0o644)
    RequestLog.open(file).close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_log_is_gone_on_with_under_its_first_line(file: Path) -> None:
    for _ in range(2):
        RequestLog.open(file).close()
    assert len(file.read_text().splitlines()) == 1


def test_what_is_there_and_is_something_else_is_left_alone(file: Path, tmp_path: Path) -> None:
    file.write_text("precious\n")
    with pytest.raises(RequestLogError, match="is no such log"):
        RequestLog.open(file)
    assert file.read_text() == "precious\n"
    link = tmp_path / "link"
    link.symlink_to(file)
    for path in (link, tmp_path, tmp_path / "no" / "folder"):
        with pytest.raises(RequestLogError, match="--log-requests"):
            RequestLog.open(path)
