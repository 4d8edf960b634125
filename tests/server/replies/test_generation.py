"""A generation streams its choices, and leaves nothing running in the engine."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from decoding.budget import Budget
from server.engines.engine import Sampling
from server.errors import EngineError, QueueFull
from server.model import ServedModel
from server.plan import Plan
from server.records.metrics import Metrics
from server.replies.choice import AnswerDelta, ChoiceEnd
from server.replies.generation import Generation
from tests.fakes import Call, Script, ScriptedEngine

BUDGET = Budget(max_tokens=400, max_thinking_tokens=300)


def plan(num_choices: int = 1, *stops: str) -> Plan:
    samplings = tuple(Sampling(400, 1.0, seed=seed) for seed in range(num_choices))
    return Plan((1, 2, 3), BUDGET, samplings, stops, False)


def script(model: ServedModel, answer: str, **options: object) -> Script:
    text = f"<thinking>\nHm.\n</thinking>\n<output>\n{answer}\n</output>"
    tokens = (*model.prompter.encode(text), model.bundle.stop_token_ids[0])
    return replace(Script(tokens), **options)  # type: ignore[arg-type]


def generation(
    model: ServedModel, engine: ScriptedEngine, made: Plan, metrics: Metrics | None = None
) -> Generation:
    return Generation("id", made, model, engine, metrics or Metrics())


async def answers(it: Generation) -> dict[int, str]:
    texts = dict.fromkeys(range(it.num_choices), "")
    async with it:
        async for event in it:
            if isinstance(event, AnswerDelta):
                texts[event.index] += event.text
    return texts


async def test_each_choice_is_an_engine_request_of_its_own(model: ServedModel) -> None:
    engine = ScriptedEngine(lambda call: script(model, f"answer {call.sampling.seed}"))
    it = generation(model, engine, plan(3))
    assert await answers(it) == {0: "answer 0", 1: "answer 1", 2: "answer 2"}
    assert [call.request_id for call in engine.calls] == ["id-0", "id-1", "id-2"]
    assert engine.aborted == []
    total = sum(len(script(model, f"answer {seed}").token_ids) for seed in range(3))
    assert it.usage.completion_tokens == total
    assert it.usage.prompt_tokens == 3
    assert it.usage.total_tokens == total + 3


async def test_a_stop_string_ends_its_own_choice_in_the_engine(model: ServedModel) -> None:
    texts = ["one STOP two three", "four five six"]
    engine = ScriptedEngine(lambda call: script(model, texts[call.sampling.seed or 0]))
    it = generation(model, engine, plan(2, "STOP"))
    assert await answers(it) == {0: "one ", 1: "four five six"}
    assert engine.aborted == ["id-0"]


async def test_leaving_early_aborts_everything(model: ServedModel) -> None:
    engine = ScriptedEngine(lambda _: script(model, "x", delay_s=10))
    async with generation(model, engine, plan(3)):
        await asyncio.sleep(0.01)
        assert engine.stats().num_unfinished == 3
    assert engine.stats().num_unfinished == 0
    assert sorted(engine.aborted) == ["id-0", "id-1", "id-2"]


async def test_a_cancelled_reader_aborts_everything(model: ServedModel) -> None:
    engine = ScriptedEngine(lambda _: script(model, "x", delay_s=10))
    task = asyncio.create_task(answers(generation(model, engine, plan(2))))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert engine.stats().num_unfinished == 0


async def test_a_failing_choice_fails_the_request_and_ends_the_others(model: ServedModel) -> None:
    def choose(call: Call) -> Script:
        if call.sampling.seed:
            return script(model, "x", error=EngineError("broken"), fail_after=3)
        return script(model, "x", delay_s=10)

    engine = ScriptedEngine(choose)
    with pytest.raises(EngineError, match="broken"):
        await answers(generation(model, engine, plan(2)))
    assert engine.stats().num_unfinished == 0


async def test_an_unforeseen_exception_is_logged_and_kept_from_the_client(
    model: ServedModel, caplog: pytest.LogCaptureFixture
) -> None:
    engine = ScriptedEngine(lambda _: script(model, "x", error=KeyError("inner detail")))
    with pytest.raises(EngineError) as caught:
        await answers(generation(model, engine, plan()))
    assert "inner detail" not in caught.value.message
    assert "inner detail" not in caplog.text
    assert "KeyError" in caplog.text
    assert "File " in caplog.text


async def test_a_reply_that_ends_without_a_reason_is_an_error(model: ServedModel) -> None:
    engine = ScriptedEngine(lambda _: script(model, "x", finish_reason=None))
    with pytest.raises(EngineError, match="before it was complete"):
        await answers(generation(model, engine, plan()))


@pytest.mark.parametrize("fail_after", [0, 5])
async def test_a_stream_that_the_engine_cancels_is_an_error(
    fail_after: int, model: ServedModel
) -> None:
    error: Any = asyncio.CancelledError()
    engine = ScriptedEngine(lambda _: script(model, "x", error=error, fail_after=fail_after))
    async with asyncio.timeout(5):
        with pytest.raises(EngineError, match="before it was complete"):
            await answers(generation(model, engine, plan()))


async def test_admission_raises_what_the_engine_refuses_with(model: ServedModel) -> None:
    engine = ScriptedEngine(lambda _: script(model, "x", error=QueueFull("full")))
    async with generation(model, engine, plan()) as it:
        with pytest.raises(QueueFull):
            await it.wait_for_admission(5)


async def test_admission_waits_for_every_choice(model: ServedModel) -> None:
    def choose(call: Call) -> Script:
        if call.sampling.seed:
            return script(model, "x", first_delay_s=0.05, error=QueueFull("full"))
        return script(model, "x", delay_s=10)

    async with generation(model, ScriptedEngine(choose), plan(2)) as it:
        with pytest.raises(QueueFull):
            await it.wait_for_admission(5)


async def test_admission_goes_on_when_the_engine_takes_its_time(model: ServedModel) -> None:
    engine = ScriptedEngine(lambda _: script(model, "x", first_delay_s=0.05))
    async with generation(model, engine, plan()) as it:
        await it.wait_for_admission(0.001)
        assert [type(event) async for event in it] == [AnswerDelta, ChoiceEnd]


async def test_tokens_are_counted_once_also_for_those_who_left(model: ServedModel) -> None:
    metrics = Metrics()
    engine = ScriptedEngine(lambda _: script(model, "7 apples"))
    it = generation(model, engine, plan(), metrics)
    await answers(it)
    usage = it.usage
    hidden = usage.completion_tokens_details.reasoning_tokens
    assert value(metrics, "reflect_hidden_tokens_total") == hidden
    assert value(metrics, "reflect_visible_tokens_total") == usage.completion_tokens - hidden
    assert value(metrics, "reflect_prompt_tokens_total") == 3
    assert value(metrics, "reflect_time_to_first_answer_token_seconds_count") == 1
    slow = ScriptedEngine(lambda _: script(model, "x", delay_s=10))
    async with generation(model, slow, plan(), metrics):
        await asyncio.sleep(0.01)
    assert value(metrics, "reflect_hidden_tokens_total") == hidden + 1


async def test_budgets_that_decided_are_counted(model: ServedModel) -> None:
    metrics = Metrics()
    engine = ScriptedEngine(lambda _: script(model, "x"))
    size = len(script(model, "x").token_ids)
    made = replace(plan(2), budget=Budget(max_tokens=size, max_thinking_tokens=size))
    await answers(generation(model, engine, made, metrics))
    assert metrics.registry.get_sample_value(
        "reflect_budget_hits_total", {"budget": "answer"}
    ) == pytest.approx(2)
    assert value(metrics, "reflect_forced_closes_total") == 2


def value(metrics: Metrics, name: str) -> float:
    sample = metrics.registry.get_sample_value(name)
    assert sample is not None
    return sample
