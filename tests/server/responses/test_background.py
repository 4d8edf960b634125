"""Following a response that is written in the background, from any place and at any time."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from server.responses.background import BackgroundRun, pack, unpack
from server.responses.run import ResponseRun
from server.settings import Settings
from tests.live import LiveServer

EVENTS = [{"type": "response.output_text.delta", "sequence_number": number} for number in range(5)]
LAST = {"type": "response.completed", "sequence_number": 5}


def background() -> BackgroundRun:
    return BackgroundRun(cast("ResponseRun", None))


async def follow(run: BackgroundRun, after: int) -> list[dict[str, Any]]:
    return [event async for event in run.follow(after)]


async def test_whoever_follows_sees_every_event_once_wherever_they_join() -> None:
    for joined in range(7):
        run = background()
        followers = []
        for number, event in enumerate([*EVENTS, LAST]):
            if number == joined:
                followers = [asyncio.create_task(follow(run, after)) for after in range(-1, 6)]
            run.publish(event)
            await asyncio.sleep(0)
        followers = followers or [asyncio.create_task(follow(run, after)) for after in range(-1, 6)]
        run.end()
        for after, follower in zip(range(-1, 6), followers, strict=True):
            assert await follower == [*EVENTS, LAST][after + 1 :]


async def test_a_response_that_was_cut_short_ends_with_an_error() -> None:
    run = background()
    run.publish(EVENTS[0])
    run.end()
    assert [event["type"] for event in await follow(run, -1)][1:] == ["error"]
    assert (await follow(run, 0))[0]["sequence_number"] == 1


def test_events_are_packed_small_and_come_back() -> None:
    events = EVENTS * 100
    assert unpack(pack(events)) == events
    assert len(pack(events)) < 1000


def test_a_database_that_fails_leaves_nothing_running_and_tells_nothing(
    make_server: Callable[..., LiveServer], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = make_server(Settings(data=tmp_path))
    with closing(sqlite3.connect(tmp_path / "responses.db")) as database:
        database.execute("DROP TABLE responses")
    body = {"model": "tiny", "input": "planted"}
    with server.client() as client:
        for fields in ({}, {"background": True}):
            answer = client.post("/v1/responses", json=body | fields)
            assert answer.status_code == 500
            assert "planted" not in answer.text
    server.wait_until(lambda: server.num_unfinished == 0)
    assert "OperationalError" in caplog.text
    assert "planted" not in caplog.text


def test_a_stream_whose_response_cannot_be_stored_ends_with_a_failure(
    make_server: Callable[..., LiveServer], tmp_path: Path
) -> None:
    server = make_server(Settings(data=tmp_path))
    with closing(sqlite3.connect(tmp_path / "responses.db")) as database:
        database.execute("DROP TABLE responses")
    body = {"model": "tiny", "input": "hello", "stream": True}
    with server.client() as client:
        lines = client.post("/v1/responses", json=body).text.splitlines()
    events = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    last = events[-1]["response"]
    assert events[-1]["type"] == "response.failed"
    assert (last["status"], last["completed_at"]) == ("failed", None)
    assert "stored" in last["error"]["message"]
