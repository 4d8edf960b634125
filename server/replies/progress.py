"""Progress: how far a generation is, in numbers; its events with what it does meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from decoding.format import Section
from server.replies.choice import Event

PERIOD_S = 0.25
START = (Section.THINKING, 0)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the choice furthest behind is, its hidden tokens so far, the time since the start."""

    section: Section
    hidden_tokens: int
    elapsed_s: float

    @property
    def place(self) -> tuple[Section, int]:
        """What must change to be worth telling: the time alone does not."""
        return self.section, self.hidden_tokens


class Source(Protocol):
    """A generation, as far as its progress goes."""

    def __aiter__(self) -> AsyncIterator[Event]:
        """Stream its events; waiting for one may be cancelled and begun again."""
        ...

    def progress(self) -> Progress:
        """Tell how far it is."""
        ...


async def with_progress(
    source: Source, period_s: float = PERIOD_S
) -> AsyncIterator[Event | Progress]:
    """Yield the events, between them the progress: at most one a period, and each new section.

    The first comes after a period; one in the output comes before the event that shows it.
    """
    events = aiter(source)
    told, told_at_s = START, time.perf_counter()
    while True:
        try:
            event = await asyncio.wait_for(anext(events), period_s)
        except TimeoutError:
            event = None
        except StopAsyncIteration:
            return
        now, now_s = source.progress(), time.perf_counter()
        is_due = now_s - told_at_s >= period_s and now.place != told
        if is_due or (event is not None and now.section is not told[0]):
            yield now
            told, told_at_s = now.place, now_s
        if event is not None:
            yield event
