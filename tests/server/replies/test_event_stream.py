from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import pytest

from server.replies.event_stream import KEEP_ALIVE, EventStream, LastEvent
from server.settings import Settings


@dataclass
class Client:
    """The other end: takes what is sent, unless it is `stuck`; leaves when `has_left` is set."""

    is_stuck: bool = False
    has_left: asyncio.Event = field(default_factory=asyncio.Event)
    sent: list[dict[str, Any]] = field(default_factory=list)

    async def receive(self) -> dict[str, Any]:
        await self.has_left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if self.is_stuck and message.get("body"):
            await asyncio.Event().wait()
        self.sent.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


@dataclass
class Source:
    """Events, and whether they were closed."""

    events: list[bytes]
    pause_s: float = 0.0
    is_endless: bool = False
    is_closed: bool = False

    async def __call__(self) -> AsyncGenerator[bytes, None]:
        try:
            for event in self.events:
                await asyncio.sleep(self.pause_s)
                yield event
            if self.is_endless:
                await asyncio.Event().wait()
        finally:
            self.is_closed = True


async def serve(source: Source, client: Client, **settings: float) -> None:
    stream = EventStream(source(), Settings(**settings))  # type: ignore[arg-type]
    await stream({"type": "http"}, client.receive, client.send)
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_events_go_out_as_they_are_and_the_response_ends() -> None:
    source, client = Source([b"data: 1\n\n", b"data: 2\n\n"]), Client()
    await serve(source, client)
    start, *bodies = client.sent
    assert start["status"] == 200
    assert dict(start["headers"])[b"content-type"].startswith(b"text/event-stream")
    assert b"content-length" not in dict(start["headers"])
    assert [message["body"] for message in bodies] == [b"data: 1\n\n", b"data: 2\n\n", b""]
    assert [message["more_body"] for message in bodies] == [True, True, False]
    assert source.is_closed


async def test_the_last_event_goes_out_with_the_end_of_the_response() -> None:
    source, client = Source([b"data: 1\n\n", LastEvent(b"data: 2\n\n")]), Client()
    await serve(source, client)
    bodies = client.sent[1:]
    assert [message["body"] for message in bodies] == [b"data: 1\n\n", b"data: 2\n\n"]
    assert [message["more_body"] for message in bodies] == [True, False]
    assert source.is_closed


async def test_comments_go_out_while_there_is_nothing_to_say() -> None:
    source, client = Source([b"data: 1\n\n"], pause_s=0.1), Client()
    await serve(source, client, keep_alive_s=0.01)
    assert client.body.startswith(KEEP_ALIVE * 2)
    assert client.body.replace(KEEP_ALIVE, b"") == b"data: 1\n\n"


async def test_no_period_sends_no_comment() -> None:
    source, client = Source([b"data: 1\n\n"], pause_s=0.05), Client()
    await serve(source, client, keep_alive_s=0)
    assert client.body == b"data: 1\n\n"


async def test_a_client_that_leaves_closes_the_events() -> None:
    source, client = Source([b"data: 1\n\n"], is_endless=True), Client()
    serving = asyncio.create_task(serve(source, client))
    while not client.body:  # noqa: ASYNC110  (a fake may be polled)
        await asyncio.sleep(0.001)
    client.has_left.set()
    await serving
    assert source.is_closed


async def test_a_client_that_does_not_read_closes_the_events(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source, client = Source([b"data: 1\n\n"], is_endless=True), Client(is_stuck=True)
    await serve(source, client, send_timeout_s=0.02)
    assert source.is_closed
    assert "stopped reading" in caplog.text


async def test_a_slow_model_is_no_client_that_does_not_read() -> None:
    source, client = Source([b"data: 1\n\n"], pause_s=0.1), Client()
    await serve(source, client, send_timeout_s=0.02)
    assert client.body == b"data: 1\n\n"


async def test_what_the_events_raise_goes_on_and_leaves_no_task() -> None:
    async def broken() -> AsyncGenerator[bytes, None]:
        yield b"data: 1\n\n"
        raise TimeoutError("of its own")

    before = asyncio.all_tasks()
    with pytest.raises(TimeoutError, match="of its own"):
        await EventStream(broken(), Settings())({}, Client().receive, Client().send)
    await asyncio.sleep(0.01)
    assert asyncio.all_tasks() == before
