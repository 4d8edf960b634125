import asyncio
import time
from itertools import pairwise

import pytest

from client.pace import FASTER, FIRST_S, LAST_S, TOLD_S, Pace
from client.retries import Retries

FAST = Retries(first_pause_s=0.001)


async def leave(pace: Pace, num: int) -> list[float]:
    """Let so many requests wait together and return the moments at which they left, in order."""
    return sorted(await asyncio.gather(*(pace.wait() for _ in range(num))))


async def gaps(pace: Pace, num: int) -> list[float]:
    return [later - sooner for sooner, later in pairwise(await leave(pace, num))]


async def test_without_a_limit_nothing_waits() -> None:
    pace = Pace(FAST)
    assert len(await leave(pace, 1000)) == 1000
    assert pace.between_s == 0


async def test_requests_leave_evenly_and_no_more_than_allowed() -> None:
    assert min(await gaps(Pace(FAST, per_minute=3000), 5)) >= 0.02


async def test_while_a_pause_is_wanted_nobody_leaves() -> None:
    pace = Pace(FAST)
    sent_s = await pace.wait()
    pace.hold(sent_s, 0.2)
    assert min(await leave(pace, 3)) >= sent_s + 0.2


async def test_a_pause_that_is_wanted_while_somebody_waits_holds_for_him_too() -> None:
    pace = Pace(FAST)
    first_s, second_s = await leave(pace, 2)
    pace.hold(first_s, 0.05)
    waiting = asyncio.create_task(pace.wait())
    await asyncio.sleep(0.01)
    pace.hold(second_s, 0.2)
    assert await waiting >= second_s + 0.2


async def test_of_requests_that_were_under_way_together_one_counts() -> None:
    pace = Pace(FAST)
    for left_s in await leave(pace, 5):
        pace.hold(left_s, None)
    assert pace.num_holds == 1
    pace.hold(await pace.wait(), None)
    assert pace.num_holds == 2


async def test_a_reply_ends_the_count() -> None:
    pace = Pace(FAST)
    pace.hold(await pace.wait(), None)
    pace.speed_up()
    assert pace.num_holds == 0


async def test_our_own_pauses_double() -> None:
    pace = Pace(Retries(first_pause_s=0.1))
    for least_s in (0.05, 0.1, 0.2):
        sent_s = await pace.wait()
        pace.hold(sent_s, None)
        assert await pace.wait() >= sent_s + least_s


async def test_after_a_429_they_leave_one_by_one_and_sooner_with_each_reply() -> None:
    pace = Pace(FAST)
    pace.hold(await pace.wait(), 0.0)
    assert min(await gaps(pace, 3)) >= pace.between_s == FIRST_S
    pace.hold(await pace.wait(), 0.0)
    assert pace.between_s == 2 * FIRST_S
    for number in range(1, 50):
        pace.speed_up()
        assert pace.between_s == pytest.approx(2 * FIRST_S * FASTER**number)


async def test_who_waits_need_not_when_nothing_is_to_leave_any_more() -> None:
    pace = Pace(FAST)
    pace.hold(await pace.wait(), 600.0)
    waiting = [pace.wait(), pace.wait(), pace.pause(600)]
    ended = asyncio.gather(*waiting)
    await asyncio.sleep(0)
    assert not pace.is_stopped
    pace.stop()
    async with asyncio.timeout(5):
        await ended
    assert pace.is_stopped


async def test_pauses_that_are_asked_for_bound_the_gap() -> None:
    for told_s, most_s in ((None, LAST_S), (60.0, LAST_S), (1.0, 1.0), (0.0, TOLD_S)):
        pace = Pace(FAST)
        for _ in range(40):
            pace.hold(time.monotonic(), told_s)
        assert pace.between_s == most_s


async def test_they_are_never_further_apart_than_so_and_never_nearer_than_allowed() -> None:
    pace = Pace(FAST, per_minute=6000)
    for _ in range(40):
        pace.hold(time.monotonic(), None)
    assert pace.between_s == LAST_S
    for _ in range(200):
        pace.speed_up()
    assert pace.between_s == 0.01
