"""Several generations are read as one, and none is left behind."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from server.completions.batch import Batch
from server.engines.engine import EngineStats
from server.errors import EngineError, QueueFull
from server.model import ServedModel
from server.records.metrics import Metrics
from server.replies.choice import AnswerDelta, ChoiceEnd
from tests.fakes import ScriptedEngine
from tests.server.replies.test_generation import generation, plan, script


async def batch(model: ServedModel, *engines: ScriptedEngine, num_choices: int = 2) -> Batch:
    made = Batch()
    for engine in engines:
        await made.add(generation(model, engine, plan(num_choices), Metrics()))
    return made


def engine(model: ServedModel, answer: str, **options: Any) -> ScriptedEngine:
    return ScriptedEngine(lambda call: script(model, f"{answer}{call.sampling.seed}", **options))


async def test_choices_are_numbered_one_after_the_other(model: ServedModel) -> None:
    slow, fast = engine(model, "a", first_delay_s=0.05), engine(model, "b")
    texts = dict.fromkeys(range(4), "")
    ends = []
    async with await batch(model, slow, fast) as it:
        await it.wait_for_admission(5)
        assert it.num_choices == 4
        async for event in it:
            if isinstance(event, AnswerDelta):
                texts[event.index] += event.text
            elif isinstance(event, ChoiceEnd):
                ends.append(event.index)
        assert texts == {0: "a0", 1: "a1", 2: "b0", 3: "b1"}
        assert sorted(ends) == [0, 1, 2, 3]
        assert it.progress().section == "output"
    each = len(script(model, "a0").token_ids)
    assert it.usage.completion_tokens == 4 * each
    assert it.usage.prompt_tokens == 6
    assert it.usage.total_tokens == 4 * each + 6


async def test_waiting_for_an_event_may_be_given_up_and_begun_again(model: ServedModel) -> None:
    async with await batch(model, engine(model, "a", delay_s=0.01), num_choices=1) as it:
        events = []
        while True:
            try:
                events.append(await asyncio.wait_for(anext(it), 0.001))
            except TimeoutError:
                continue
            except StopAsyncIteration:
                break
    assert "".join(event.text for event in events if isinstance(event, AnswerDelta)) == "a0"


async def test_each_begins_when_it_is_added(model: ServedModel) -> None:
    first = engine(model, "a")
    it = await batch(model, first)
    async with asyncio.timeout(5):
        while first.stats() != EngineStats(0, 0) or not first.calls:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    await it.__aexit__()


async def test_a_failure_of_one_is_raised_and_ends_all(model: ServedModel) -> None:
    slow = engine(model, "a", delay_s=10)
    broken = engine(model, "b", error=EngineError("broken"), fail_after=3)
    async with await batch(model, slow, broken) as it:
        with pytest.raises(EngineError, match="broken"):
            await anext(it)
    assert slow.stats().num_unfinished == 0
    assert len(slow.aborted) == 2


async def test_a_refusal_of_one_is_raised_before_anything_is_sent(model: ServedModel) -> None:
    full = engine(model, "b", error=QueueFull("full"))
    async with await batch(model, engine(model, "a", delay_s=10), full) as it:
        with pytest.raises(QueueFull):
            await it.wait_for_admission(5)
