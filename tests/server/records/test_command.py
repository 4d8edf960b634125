"""`reflect record` counts, writes out and forgets what a server recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from server.database import open_database
from server.keys.policy import Caller
from server.protocol.chat import ChatCompletionRequest, CompletionTokensDetails, Usage
from server.records.command import main
from server.records.recordings import Recordings
from server.replies.answered import Answered, AnsweredCall
from server.replies.exchanges import Exchange

USAGE = Usage(
    prompt_tokens=1,
    completion_tokens=2,
    total_tokens=3,
    completion_tokens_details=CompletionTokensDetails(reasoning_tokens=1),
)
USER = {"role": "user", "content": "How many?"}
DAY_S = 86_400.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    recordings = Recordings(open_database(f"sqlite:///{tmp_path / 'recordings.db'}"))
    system = {"role": "system", "content": "Be brief."}
    parts = {
        "role": "user",
        "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
    }
    turns = [USER, {"role": "assistant", "content": "7"}, USER]
    kept: list[tuple[list[dict[str, Any]], Answered]] = [
        ([USER], Answered("seven ☃", finish_reason="stop")),
        ([system, parts], Answered("ab", finish_reason="stop")),
        (turns, Answered("8", finish_reason="stop")),
        ([USER], Answered("cut", finish_reason="length")),
        ([USER], Answered("left")),
        ([USER], Answered("", [AnsweredCall("call_1", "f", "{}")], "tool_calls")),
    ]
    for number, (messages, answer) in enumerate(kept):
        request = ChatCompletionRequest.model_validate({"model": "tiny", "messages": messages})
        key_id = "key_a" if number % 2 == 0 else "key_b"
        exchange = Exchange(f"x{number}", Caller(key_id), request, (answer,), USAGE)
        recordings.add(exchange, (number + 1) * DAY_S)
    recordings.close()
    return tmp_path


def export(folder: Path, *options: str) -> list[dict[str, Any]]:
    file = folder / "out.jsonl"
    assert main(["export", str(file), "--data", str(folder), *options]) == 0
    assert [path.name for path in folder.glob("*.partial")] == []
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def test_conversations_end_with_their_answer(folder: Path) -> None:
    lines = export(folder)
    assert [line["id"] for line in lines] == ["x0-0", "x1-0", "x2-0", "x3-0", "x5-0"]
    assert lines[0]["messages"][-1] == {"role": "assistant", "content": "seven ☃"}
    assert len(lines[2]["messages"]) == 4
    assert lines[4]["messages"][-1]["tool_calls"][0]["function"]["name"] == "f"


def test_single_turns_become_instructions(folder: Path) -> None:
    lines = export(folder, "--form", "alpaca")
    assert [(line["instruction"], line["output"], line["system"]) for line in lines] == [
        ("How many?", "seven ☃", ""),
        ("a\nb", "ab", "Be brief."),
    ]


def test_recordings_of_a_key_or_from_a_day_on_are_written(folder: Path) -> None:
    assert [line["id"] for line in export(folder, "--key", "key_b")] == ["x1-0", "x3-0", "x5-0"]
    assert [line["id"] for line in export(folder, "--since", "1970-01-05")][-1] == "x5-0"
    assert len(export(folder, "--since", "1970-01-05")) < 5


def test_recordings_are_counted_and_forgotten(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", str(folder)]
    assert main(["list", *data]) == 0
    counts = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert counts == [["3", "key_a", "tiny"], ["3", "key_b", "tiny"], ["6", "in", "all"]]
    assert main(["forget", "--key", "key_a", *data]) == 0
    assert "3 forgotten" in capsys.readouterr().out
    assert [line["id"] for line in export(folder)] == ["x1-0", "x3-0", "x5-0"]


def test_where_nothing_was_recorded_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", "--data", str(tmp_path)]) == 2
    assert "no recordings" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_without_a_folder_a_store_must_be_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REFLECT_DATA", "")
    assert main(["list"]) == 2
    assert "--data" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["forget"], ["export", "x", "--since", "soon"], []])
def test_what_is_not_meant_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage" in capsys.readouterr().err
