"""Pace: when the next request to an endpoint may leave, for all that wait alike."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from client.retries import Retries

FIRST_S, LAST_S = 0.01, 2.0  # between two requests, after one 429 and after many
TOLD_S = 0.1  # after many, where the pauses that are asked for are shorter
FASTER = 0.9  # with each reply


class Pace:
    """Lets requests leave one by one, none of them while the endpoint wants a pause.

    One per endpoint. A crowd that has waited together would be refused together: after a 429
    requests leave half as often, and more often again with each reply.
    per_minute: requests at most, evenly spread; 0 is no limit
    between_s: from one request to the next; num_holds: pauses since the last reply
    """

    def __init__(self, retries: Retries, per_minute: int = 0) -> None:
        self._retries = retries
        self._least_s = self.between_s = 60 / per_minute if per_minute else 0.0
        self._next_s = self._held_s = 0.0
        self._turn, self._stopped = asyncio.Lock(), asyncio.Event()
        self.num_holds = 0

    @property
    def is_stopped(self) -> bool:
        """Whether nothing is to leave any more."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Let nothing more leave; who waits need not."""
        self._stopped.set()

    async def wait(self) -> float:
        """Wait until a request may leave, and return the moment, for `hold`."""
        async with self._turn:
            now_s = time.monotonic()
            while now_s < self._next_s and not self.is_stopped:  # a hold may come meanwhile
                await self.pause(self._next_s - now_s)
                now_s = time.monotonic()
            self._next_s = now_s + self.between_s
            return now_s

    async def pause(self, seconds: float) -> None:
        """Wait so long, or until it is stopped."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds)

    def hold(self, left_at_s: float, told_s: float | None) -> None:
        """Let nothing leave for a while: a request that left then got a 429.

        Of requests that were under way together one counts; `told_s`: what the endpoint asks.
        """
        now_s = time.monotonic()
        if left_at_s >= self._held_s:
            self._held_s = now_s
            self.num_holds += 1
            longest_s = LAST_S if told_s is None else min(max(told_s, TOLD_S), LAST_S)
            slower_s = min(max(2 * self.between_s, FIRST_S), longest_s)
            self.between_s = max(slower_s, self._least_s)
        elif told_s is None:
            return
        pause_s = max(self._retries.pause_s(self.num_holds, told_s), self.between_s)
        self._next_s = max(self._next_s, now_s + pause_s)

    def speed_up(self) -> None:
        """Take note of a reply."""
        self.num_holds = 0
        self.between_s = max(self._least_s, FASTER * self.between_s)
