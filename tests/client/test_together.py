import asyncio

import pytest

from client.together import to_their_ends, together


async def test_all_run_side_by_side() -> None:
    barrier = asyncio.Barrier(3)

    async def meet() -> None:
        async with asyncio.timeout(5):
            await barrier.wait()

    assert await together(meet() for _ in range(3)) == [None] * 3


async def test_the_first_error_is_raised_as_it_is_and_ends_the_others() -> None:
    ended: list[str] = []

    async def wait() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("wait")

    async def fail() -> None:
        await asyncio.sleep(0)
        raise OSError(28, "the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        await together([wait(), fail()])
    assert ended == ["wait"]


async def test_an_error_that_waits_for_the_others_is_told_at_once_and_raised_when_they_ended() -> (
    None
):
    heard = asyncio.Event()
    ended: list[str] = []

    async def wait() -> None:
        await heard.wait()
        ended.append("wait")

    async def fail(error: Exception) -> None:
        raise error

    errors = OSError(28, "the disk is full"), ValueError("later")
    with pytest.raises(OSError, match="the disk is full"):
        async with asyncio.timeout(5):
            await to_their_ends([wait(), *map(fail, errors)], heard.set)
    assert ended == ["wait"]


async def test_without_an_error_nobody_is_told() -> None:
    await to_their_ends((asyncio.sleep(0) for _ in range(3)), pytest.fail)


async def test_who_is_cancelled_leaves_nothing_running() -> None:
    ended: list[str] = []

    async def wait() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("wait")

    task = asyncio.create_task(to_their_ends([wait(), wait()], pytest.fail))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["wait", "wait"]
