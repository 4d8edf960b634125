"""Many streams at once and many requests in turn: nothing is lost, and nothing stays behind."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

import pytest

from benchmarks.parts import streams
from tests.live import LiveServer

NUM_STREAMS, NUM_WARM, NUM_REQUESTS, NUM_ROUNDS = 100, 100, 500, 3


def census(server: LiveServer) -> tuple[int, int]:
    """Count the tasks of the server's loop, and Python's objects."""
    server.wait_until(lambda: server.num_unfinished == 0)
    server.engine.calls.clear()
    server.engine.aborted.clear()

    async def count() -> int:
        while server.service.metrics.in_flight._value.get():  # noqa: ASYNC110
            await asyncio.sleep(0.002)
        return len(asyncio.all_tasks())

    num_tasks = asyncio.run_coroutine_threadsafe(count(), server.loop).result(30)
    gc.collect()
    return num_tasks, len(gc.get_objects())


@pytest.fixture
def busy(make_server: Callable[..., LiveServer]) -> LiveServer:
    server = make_server()
    server.say("7 apples", delay_s=0.001)
    return server


def load(server: LiveServer, at_once: int, numbers: range) -> int:
    return asyncio.run(streams.load(server.url, at_once, numbers, model=server.model_name))


def test_streams_at_once_all_end_well(busy: LiveServer) -> None:
    before = load(busy, 1, range(1))
    assert load(busy, NUM_STREAMS, range(NUM_STREAMS)) == NUM_STREAMS * before
    assert busy.num_unfinished == 0


def test_requests_leave_neither_tasks_nor_objects_behind(busy: LiveServer) -> None:
    """What requests leave is left by every round; what else the process does is not."""
    load(busy, 20, range(NUM_WARM))
    num_tasks, num_objects = census(busy)
    left = []
    for _ in range(NUM_ROUNDS):
        load(busy, 20, range(NUM_REQUESTS))
        tasks_after, objects_after = census(busy)
        assert tasks_after == num_tasks
        left.append(objects_after - num_objects)
        num_objects = objects_after
    assert min(left) < NUM_REQUESTS / 4
