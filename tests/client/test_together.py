import asyncio

import pytest

from client.together import together


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
