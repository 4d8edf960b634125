"""The gate counts what is inside, holds in order what comes while it is closed, loses nobody."""

from __future__ import annotations

import asyncio

import pytest

from server.errors import QueueFull, Unavailable
from server.promotion import gate as module
from server.promotion.gate import Gate


def make_gate(hold_s: float = 30.0, max_held: int = 100) -> Gate:
    return Gate(hold_s=hold_s, max_held=max_held)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_leaving_twice_counts_once() -> None:
    gate = make_gate()
    leave, other = await gate.enter(), await gate.enter()
    leave()
    leave()
    assert gate.num_inside == 1
    other()
    assert gate.num_inside == 0


async def test_who_is_inside_brings_others_in_while_it_is_closed() -> None:
    gate = make_gate()
    leave = await gate.enter()

    async def change() -> int:
        async with gate.emptied(30):
            return gate.num_inside

    changing = asyncio.create_task(change())
    await settle()
    other = gate.join()
    leave()
    await settle()
    assert not changing.done()
    other()
    assert await changing == 0


async def test_it_is_empty_only_when_the_last_has_left_and_holds_who_comes() -> None:
    gate = make_gate()
    leave = await gate.enter()
    order: list[str] = []

    async def change() -> None:
        async with gate.emptied(30):
            order.append("changed")

    async def come(name: str) -> None:
        await gate.enter()
        order.append(name)

    changing = asyncio.create_task(change())
    await settle()
    coming = [asyncio.create_task(come(name)) for name in "ab"]
    await settle()
    assert order == []
    assert gate.num_held == 2
    leave()
    await asyncio.gather(changing, *coming)
    assert order == ["changed", "a", "b"]
    assert (gate.num_inside, gate.num_held) == (2, 0)


async def test_those_held_come_in_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 2)
    gate = make_gate()
    async with gate.emptied(1):
        coming = [asyncio.create_task(gate.enter()) for _ in range(5)]
        await settle()
    await settle()
    assert gate.num_inside == 2
    late = asyncio.create_task(gate.enter())
    await settle()
    assert not late.done()
    for task in coming:
        (await task)()
    (await late)()
    assert (gate.num_inside, gate.num_held) == (0, 0)


async def test_waiting_too_long_for_it_to_be_empty_opens_it_again() -> None:
    gate = make_gate()
    leave = await gate.enter()
    with pytest.raises(TimeoutError):
        async with gate.emptied(0.01):
            raise AssertionError
    other = await gate.enter()
    leave()
    other()
    assert gate.num_inside == 0


async def test_holding_is_bounded_in_time_and_in_number() -> None:
    gate = make_gate(hold_s=0.01, max_held=1)
    async with gate.emptied(1):
        waiting = asyncio.create_task(gate.enter())
        await settle()
        with pytest.raises(QueueFull):
            await gate.enter()
        with pytest.raises(Unavailable, match="too long"):
            await waiting
    assert (gate.num_inside, gate.num_held) == (0, 0)


@pytest.mark.parametrize("is_let_in", [False, True])
async def test_one_that_gives_up_is_neither_inside_nor_held(is_let_in: bool) -> None:
    gate = make_gate()
    async with gate.emptied(1):
        waiting = asyncio.create_task(gate.enter())
        await settle()
        if not is_let_in:
            waiting.cancel()
    waiting.cancel()
    await asyncio.wait({waiting})
    assert waiting.cancelled()
    assert (gate.num_inside, gate.num_held) == (0, 0)
    async with gate.emptied(0.1):
        pass
