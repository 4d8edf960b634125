"""Background: responses that are written on when their clients have left."""

from __future__ import annotations

import asyncio
import json
import logging
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

from server.errors import QueueFull, TooManyRequests
from server.records.logs import trace_of
from server.responses.run import ResponseRun
from server.responses.store import LOST, ResponseStore
from server.responses.writer import ResponseEvent
from server.service import Service

logger = logging.getLogger(__name__)

RETRY_AFTER_S = 5
LAST = frozenset({"response.completed", "response.incomplete", "response.failed"})
CUT_SHORT = {
    "type": "error",
    "code": "cancelled",
    "message": "The response was cancelled before it was complete.",
    "param": None,
}


class BackgroundRun:
    """One response in the making, and the events so far: an event's number is its place."""

    def __init__(self, run: ResponseRun) -> None:
        """Prepare; nothing is written yet."""
        self.run = run
        self.events: list[ResponseEvent] = []
        self.task: asyncio.Task[None] | None = None
        self.is_ending = False
        self.is_done = False
        self._news = asyncio.Event()

    def publish(self, event: ResponseEvent) -> None:
        """Add an event and wake those who follow."""
        self.events.append(event)
        self._wake()

    def end(self) -> None:
        """Let those who follow go once they have all there is; one cut short says so."""
        if not self.events or self.events[-1]["type"] not in LAST:
            self.events.append(CUT_SHORT | {"sequence_number": len(self.events)})
        self.is_done = True
        self._wake()

    async def follow(self, after: int) -> AsyncIterator[ResponseEvent]:
        """Stream the events with numbers above `after`, those that are still to come too."""
        at = after + 1
        while True:
            news = self._news
            for event in self.events[at:]:
                yield event
            at = max(at, len(self.events))
            if self.is_done and at >= len(self.events):
                return
            if self._news is news:
                await news.wait()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


class Background:
    """The responses that this server writes in the background; one per application.

    Each holds a lease in the store, which is renewed; one that the store no longer has as
    unfinished was cancelled or deleted, maybe through another server, and is stopped.
    """

    def __init__(
        self,
        store: ResponseStore,
        service: Service,
        *,
        max_running: int,
        max_per_key: int,
        renew_s: float,
    ) -> None:
        """Start nothing yet; max_per_key: of those that run, how many may be one key's."""
        self._store, self._service = store, service
        self._max_running, self._max_per_key = max_running, max_per_key
        self._renew_s = renew_s
        self._places: Counter[str | None] = Counter()
        self._running: dict[str, BackgroundRun] = {}
        self._renewal: asyncio.Task[None] | None = None
        self._is_closing = asyncio.Event()

    def enter(self, key_id: str | None) -> Callable[[], None]:
        """Take a place, before anything is waited for; return what gives it back, once or more.

        Raises QueueFull where none is left, TooManyRequests where the key has its share; who has
        no key has no share of their own.
        """
        if self._places.total() >= self._max_running:
            raise QueueFull("Too many responses are being written in the background; try again.")
        if key_id is not None and self._places[key_id] >= self._max_per_key:
            raise TooManyRequests(
                f"{self._max_per_key} responses of this API key are being written in the "
                "background; try again when one has ended.",
                retry_after_s=RETRY_AFTER_S,
            )
        self._places[key_id] += 1
        is_inside = True

        def leave() -> None:
            nonlocal is_inside
            if is_inside:
                is_inside = False
                self._places[key_id] -= 1
                if not self._places[key_id]:
                    del self._places[key_id]

        return leave

    def begin(self, run: ResponseRun, leave: Callable[[], None]) -> BackgroundRun:
        """Write a response, which the store already has as unfinished, without its client.

        leave: what `enter` returned
        """
        background = BackgroundRun(run)
        id = run.response["id"]
        self._running[id] = background
        self._service.in_flight.begin()
        background.task = asyncio.create_task(self._write(background), name=f"background-{id}")
        background.task.add_done_callback(lambda _: leave())
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew(), name="leases")
        return background

    def find(self, id: str) -> BackgroundRun | None:
        """Return a response that is being written here."""
        return self._running.get(id)

    async def stop(self, id: str) -> None:
        """Abort a response; the store must already say why."""
        background = self._running.get(id)
        if background is not None and background.task is not None:
            background.task.cancel()
            await asyncio.wait({background.task})

    async def close(self) -> None:
        """Abort what still runs, and keep it as failed."""
        if self._renewal is not None:
            self._is_closing.set()
            await self._renewal  # its thread may hold a connection, which must be given back first
        for id, background in list(self._running.items()):
            lost = background.run.response | {"status": "failed", "error": LOST}
            await asyncio.to_thread(self._store.rewrite, lost, is_done=True)
            await self.stop(id)

    async def _write(self, background: BackgroundRun) -> None:
        run = background.run
        try:
            async with run.generation:
                async for event in run.events():
                    if event["type"] == "response.in_progress":
                        await asyncio.to_thread(self._store.rewrite, run.response, is_done=False)
                    elif event["type"] in LAST and not await self._keep(background, event):
                        return  # it was cancelled or deleted meanwhile
                    background.publish(event)
        except Exception as error:  # noqa: BLE001  (else the store would say that it goes on)
            logger.error("a background response could not be written: %s", trace_of(error))
            lost = run.response | {"status": "failed", "error": LOST}
            await asyncio.to_thread(self._store.rewrite, lost, is_done=True)
        finally:
            background.end()
            del self._running[run.response["id"]]
            self._service.in_flight.end()

    async def _keep(self, background: BackgroundRun, last: ResponseEvent) -> bool:
        background.is_ending = True
        events = await asyncio.to_thread(pack, [*background.events, last])
        response = last["response"]
        return await asyncio.to_thread(self._store.rewrite, response, is_done=True, events=events)

    async def _closes_within(self, timeout_s: float) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                return await self._is_closing.wait()
        except TimeoutError:
            return False

    async def _renew(self) -> None:
        while not await self._closes_within(self._renew_s):
            ids = set(self._running)
            try:
                unfinished = await asyncio.to_thread(self._store.renew, ids)
            except Exception as error:  # noqa: BLE001  (the next time may go better)
                logger.error("the leases of background responses stay: %s", trace_of(error))
                continue
            for id in ids - unfinished:
                background = self._running.get(id)
                if background is not None and not background.is_ending:
                    await self.stop(id)


def pack(events: list[ResponseEvent]) -> bytes:
    """Write events for the store."""
    return zlib.compress(json.dumps(events, separators=(",", ":")).encode())


def unpack(data: bytes) -> list[dict[str, Any]]:
    """Read events from the store."""
    events: list[dict[str, Any]] = json.loads(zlib.decompress(data))
    return events
