"""Progress is told in numbers, at most once a period, and never instead of an event."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from decoding.format import Section
from server.replies.choice import AnswerDelta, ChoiceEnd, Event
from server.replies.progress import Progress, with_progress

START = Progress(Section.THINKING, 0, 0.0)
ANSWER, END = AnswerDelta(0, "7"), ChoiceEnd(0, "stop")


@dataclass
class Steps:
    """A source that waits for its gate before every event."""

    events: list[Event]
    state: Progress = START
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        await self.gate.wait()
        if not self.events:
            raise StopAsyncIteration
        return self.events.pop(0)

    def progress(self) -> Progress:
        return self.state


async def test_thinking_is_told_and_the_output_before_its_first_event() -> None:
    source = Steps([ANSWER, END])
    told = with_progress(source, 0.001)
    source.state = thinking = Progress(Section.THINKING, 5, 1.0)
    assert await anext(told) == thinking
    source.state = reflection = Progress(Section.REFLECTION, 9, 2.0)
    assert await anext(told) == reflection
    source.state = output = Progress(Section.OUTPUT, 12, 3.0)
    source.gate.set()
    assert [event async for event in told] == [output, ANSWER, END]


async def test_what_does_not_change_is_not_told_again() -> None:
    source = Steps([END])
    waiting = asyncio.ensure_future(anext(with_progress(source, 0.001)))
    source.state = Progress(Section.THINKING, 0, 7.0)
    await asyncio.sleep(0.05)
    assert not waiting.done()
    source.gate.set()
    assert await waiting == END


async def test_events_that_come_fast_are_not_interleaved() -> None:
    source = Steps([*[ANSWER] * 50, END])
    source.gate.set()
    events: list[Event | Progress] = []
    async for event in with_progress(source, 60.0):
        source.state = Progress(Section.THINKING, source.state.hidden_tokens + 1, 0.0)
        events.append(event)
    assert events == [*[ANSWER] * 50, END]


async def test_a_source_that_ends_at_once_tells_nothing() -> None:
    source = Steps([])
    source.gate.set()
    assert [event async for event in with_progress(source)] == []
