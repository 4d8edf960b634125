"""Gate: counts the generations between admission and their end, and holds new ones when closed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from server.errors import QueueFull, Unavailable

AT_ONCE = 64  # of those held: all of them at once could be more than the engine's queue takes


class Gate:
    """Lets generations in, one by one; one per service, used in its event loop.

    While it is closed those that come wait in the order they came, and none is refused before
    `hold_s` or beyond `max_held`. Opened again, it lets them in `AT_ONCE` at a time.
    """

    def __init__(self, *, hold_s: float, max_held: int) -> None:
        """Begin open, with nobody inside."""
        self._hold_s = hold_s
        self._max_held = max_held
        self._is_open = True
        self._held: deque[asyncio.Future[None]] = deque()
        self._is_empty = asyncio.Event()
        self._is_empty.set()
        self.num_inside = 0

    @property
    def num_held(self) -> int:
        """How many wait to be let in."""
        return len(self._held)

    async def enter(self) -> Callable[[], None]:
        """Wait to be let in; return what to call at the end, once or more often.

        Raises QueueFull where too many wait already, Unavailable after the time to wait.
        """
        if not self._is_open or self._held:
            await self._wait()
        else:
            self._count_in()
        return self._way_out()

    def join(self) -> Callable[[], None]:
        """Come in, be the gate open or closed, beside one who is inside and stays until then."""
        self._count_in()
        return self._way_out()

    def _way_out(self) -> Callable[[], None]:
        is_inside = True

        def leave() -> None:
            nonlocal is_inside
            if is_inside:
                is_inside = False
                self._count_out()

        return leave

    @asynccontextmanager
    async def emptied(self, timeout_s: float) -> AsyncIterator[None]:
        """Close the gate, wait until nobody is inside, and open it again when the context ends.

        Raises TimeoutError, the gate open again, if that takes longer than `timeout_s`.
        """
        self._is_open = False
        try:
            async with asyncio.timeout(timeout_s):
                await self._is_empty.wait()
            yield
        finally:
            self._is_open = True
            self._admit_held()

    async def _wait(self) -> None:
        if len(self._held) >= self._max_held:
            raise QueueFull("Too many requests wait while the server takes new weights; try again.")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._held.append(turn)
        try:
            async with asyncio.timeout(self._hold_s):
                await turn
        except BaseException as error:
            if turn in self._held:
                self._held.remove(turn)
            elif turn.done() and not turn.cancelled():  # let in while it gave up
                self._count_out()
            if isinstance(error, TimeoutError):
                raise Unavailable("The server takes new weights for too long; try again.") from None
            raise

    def _admit_held(self) -> None:
        while self._is_open and self._held and self.num_inside < AT_ONCE:
            turn = self._held.popleft()
            if not turn.done():
                self._count_in()
                turn.set_result(None)

    def _count_in(self) -> None:
        self.num_inside += 1
        self._is_empty.clear()

    def _count_out(self) -> None:
        self.num_inside -= 1
        if not self.num_inside:
            self._is_empty.set()
        self._admit_held()
