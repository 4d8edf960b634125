"""The service is ready when the weights are those of the bundle, and says why when not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from decoding.bundle import BudgetDefaults, Bundle, GoldenReply
from server.engines.engine import Engine
from server.errors import EngineDead, EngineRefused, Unavailable
from server.model import ServedModel
from server.service import Service, Status
from server.settings import Settings
from tests.fakes import Script, ScriptedEngine

GOLDEN = (GoldenReply((1, 2), (7, 8, 9)), GoldenReply((3,), (9, 8)))


def service(
    model: ServedModel, engine: ScriptedEngine, bundle: Bundle | None = None, **settings: Any
) -> Service:
    async def start() -> Engine:
        return engine

    made = Settings(**settings)
    return Service(bundle or model.bundle, made, start, lambda _: model)


def golden_engine(*replies: tuple[int, ...]) -> ScriptedEngine:
    def script_of(call: object) -> Script:
        return Script(replies[len(engine.calls) - 1], "length")

    engine = ScriptedEngine(script_of)
    return engine


async def test_it_is_ready_once_the_model_wrote_its_golden_replies(model: ServedModel) -> None:
    engine = golden_engine((7, 8, 9), (9, 8))
    it = service(model, engine, replace(model.bundle, golden_replies=GOLDEN))
    with pytest.raises(Unavailable, match="loading"):
        it.check_ready()
    await it.load()
    assert it.status is Status.READY
    assert it.engine is engine
    assert it.model is model
    for call, golden in zip(engine.calls, GOLDEN, strict=True):
        assert call.budget is None
        assert call.sampling.temperature == 0
        assert call.sampling.max_tokens == len(golden.token_ids)
        assert call.prompt_token_ids == golden.prompt_token_ids


@pytest.mark.parametrize("second", [(9, 7), (9,), ()])
async def test_other_weights_are_refused(second: tuple[int, ...], model: ServedModel) -> None:
    it = service(
        model, golden_engine((7, 8, 9), second), replace(model.bundle, golden_replies=GOLDEN)
    )
    await it.load()
    assert it.status is Status.REFUSED
    with pytest.raises(Unavailable, match="golden reply 1"):
        _ = it.engine


async def test_an_engine_that_does_not_start_is_a_failure_with_a_reason(
    model: ServedModel, caplog: pytest.LogCaptureFixture
) -> None:
    async def start() -> Engine:
        raise MemoryError("no room")

    it = Service(model.bundle, Settings(), start, lambda _: model)
    await it.load()
    assert it.status is Status.FAILED
    assert it.settled.is_set()
    assert "MemoryError" in it.reason
    assert "no room" in caplog.text


async def test_an_engine_that_refuses_its_settings_says_so_in_one_line(
    model: ServedModel, caplog: pytest.LogCaptureFixture
) -> None:
    async def start() -> Engine:
        raise EngineRefused("leave --speculative-config out")

    it = Service(model.bundle, Settings(), start, lambda _: model)
    await it.load()
    assert it.status is Status.FAILED
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "leave --speculative-config out" in record.getMessage()
    assert record.exc_info is None


async def test_an_adapter_that_is_none_fails_the_load(model: ServedModel) -> None:
    engine = ScriptedEngine(lambda _: Script(()))
    it = service(model, engine, adapters={"tuned": Path("/nowhere")})
    await it.load()
    assert it.status is Status.FAILED
    assert "adapter_config.json" in it.reason


@pytest.mark.parametrize(
    ("budgets", "max_model_len", "field"),
    [
        (BudgetDefaults(max_tokens=3), 4096, "max_tokens"),
        (BudgetDefaults(min_reflections=16, max_reflections=16), 100, "context"),
        (BudgetDefaults(), 5, "context"),
    ],
)
async def test_defaults_that_no_request_could_keep_fail_the_load(
    budgets: BudgetDefaults, max_model_len: int, field: str, model: ServedModel
) -> None:
    bundle = replace(model.bundle, budgets=budgets)
    engine = ScriptedEngine(lambda _: Script(()), max_model_len=max_model_len)
    it = service(replace(model, bundle=bundle), engine, bundle)
    await it.load()
    assert it.status is Status.FAILED
    assert field in it.reason


async def test_an_engine_that_died_makes_it_unalive(model: ServedModel) -> None:
    engine = ScriptedEngine(lambda _: Script(()))
    it = service(model, engine)
    await it.load()
    engine.is_healthy = False
    assert not it.is_alive
    with pytest.raises(EngineDead):
        it.check_ready()


async def test_draining_waits_for_what_is_in_flight_and_admits_nothing(model: ServedModel) -> None:
    it = service(model, ScriptedEngine(lambda _: Script(())))
    await it.load()
    it.in_flight.begin()
    draining = asyncio.create_task(it.drain())
    await asyncio.sleep(0.01)
    assert not draining.done()
    with pytest.raises(Unavailable, match="shutting down"):
        it.check_ready()
    it.in_flight.end()
    await asyncio.wait_for(draining, 1)


async def test_draining_gives_up_after_its_time(model: ServedModel) -> None:
    it = service(model, ScriptedEngine(lambda _: Script(())), drain_timeout_s=0.01)
    it.in_flight.begin()
    await asyncio.wait_for(it.drain(), 1)


async def test_loading_that_ends_during_the_drain_does_not_open_it_again(
    model: ServedModel,
) -> None:
    it = service(model, ScriptedEngine(lambda _: Script(())))
    await it.drain()
    await it.load()
    assert it.status is Status.DRAINING


async def test_closing_closes_the_engine(model: ServedModel) -> None:
    engine = ScriptedEngine(lambda _: Script(()))
    it = service(model, engine)
    await it.close()
    await it.load()
    await it.close()
    assert engine.is_closed
