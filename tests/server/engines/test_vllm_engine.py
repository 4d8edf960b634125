"""VllmEngine: its errors around a stub, its promises on the real vLLM."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import REGISTRY

from decoding.answer import AnswerConstraint
from decoding.automaton import Automaton
from decoding.budget import Budget
from decoding.bundle import Bundle
from decoding.vocabulary import Vocabulary
from server.engines.engine import EngineDelta, EngineStats, Sampling
from server.engines.vllm_engine import VllmEngine
from server.engines.vllm_settings import EngineSettings
from server.errors import EngineDead, EngineError, QueueFull, RequestError
from tests.conftest import MAX_NUM_SEQS, MAX_QUEUE

real = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]
PROMPT = [128000, 1985, 374]
LONG = Sampling(max_tokens=400, temperature=1.0)


def on_the_real_engine(test: Any) -> Any:
    """Mark a test that needs the engine, and shares its event loop."""
    for mark in real:
        test = mark(test)
    return test


async def collect(
    engine: VllmEngine, name: str, sampling: Sampling, budget: Budget | None = None
) -> list[EngineDelta]:
    return [delta async for delta in engine.generate(name, PROMPT, sampling, budget)]


class StubLlm:
    """An AsyncLLM that yields one output and then fails."""

    errored = False
    model_config = SimpleNamespace(get_vocab_size=lambda: 128256, max_model_len=1024)

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.is_closed = False

    async def generate(self, *_: object, **__: object) -> AsyncIterator[SimpleNamespace]:
        completion = SimpleNamespace(index=0, token_ids=[5], finish_reason=None, logprobs=None)
        try:
            yield SimpleNamespace(outputs=[completion])
            raise self.error
        finally:
            self.is_closed = True


def stub_engine(tmp_path: Path, error: Exception, **settings: Any) -> VllmEngine:
    bundle = Bundle(tmp_path, "stub", stop_token_ids=(2,))
    return VllmEngine(StubLlm(error), bundle, EngineSettings(tmp_path, **settings))


async def test_vllms_exceptions_become_the_servers(tmp_path: Path) -> None:
    pytest.importorskip("vllm", reason="vLLM is not installed")
    from vllm.exceptions import QueueOverflowError, VLLMValidationError
    from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

    cases = [
        (QueueOverflowError(), QueueFull),
        (EngineDeadError(), EngineDead),
        (EngineGenerateError(), EngineError),
        (VLLMValidationError("too long"), RequestError),
    ]
    for error, expected in cases:
        engine = stub_engine(tmp_path, error)
        deltas = engine.generate("r", PROMPT, LONG, None)
        assert (await anext(deltas)).token_ids == (5,)
        with pytest.raises(expected) as raised:
            await anext(deltas)
        assert type(raised.value) is expected


async def test_vllms_words_which_may_quote_a_client_are_in_no_error_and_no_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("vllm", reason="vLLM is not installed")
    from vllm.exceptions import VLLMValidationError

    error = VLLMValidationError("see EngineArgs", parameter="seed", value="planted")
    engine = stub_engine(tmp_path, error)
    with pytest.raises(RequestError) as raised:
        await collect(engine, "r-7", LONG)
    told = [str(raised.value), *(record.getMessage() for record in caplog.records)]
    assert not any("EngineArgs" in text or "planted" in text for text in told)
    assert "r-7: the engine refused it: VLLMValidationError (seed)" in caplog.text


async def test_a_budget_that_is_not_enforced_or_does_not_fit_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("vllm", reason="vLLM is not installed")
    free = stub_engine(tmp_path, ValueError(), is_enforced=False)
    with pytest.raises(EngineError, match="does not enforce"):
        await collect(free, "r", LONG, Budget(400, 100))
    with pytest.raises(EngineError, match="401"):
        await collect(stub_engine(tmp_path, ValueError()), "r", LONG, Budget(401, 100))


async def test_a_constraint_travels_as_one_text(tmp_path: Path) -> None:
    pytest.importorskip("vllm", reason="vLLM is not installed")
    constraint = AnswerConstraint.json_schema({"const": 2**70})
    params = stub_engine(tmp_path, ValueError())._params(LONG, Budget(400, 100), constraint)
    assert params.extra_args["reflection"]["answer"] == f'{{"json_schema":{{"const":{2**70}}}}}'


async def test_draining_waits_for_open_replies_and_gives_up_in_time(tmp_path: Path) -> None:
    pytest.importorskip("vllm", reason="vLLM is not installed")
    engine = stub_engine(tmp_path, ValueError())
    await engine.drain(0.1)
    deltas = engine.generate("r", PROMPT, LONG, None)
    await anext(deltas)
    await engine.drain(0.01)
    waiting = asyncio.create_task(engine.drain(30))
    await asyncio.sleep(0)
    assert not waiting.done()
    await deltas.aclose()
    await waiting


def cache_counts() -> tuple[float, float]:
    """Return how many prompt tokens vLLM has looked for in its cache, and how many it found."""
    values: dict[str, float] = {}
    for family in REGISTRY.collect():
        for sample in family.samples:
            values[sample.name] = values.get(sample.name, 0.0) + sample.value
    return values["vllm:prefix_cache_queries_total"], values["vllm:prefix_cache_hits_total"]


@on_the_real_engine
async def test_a_prompt_is_found_in_the_cache_by_its_own_salt_alone(engine: VllmEngine) -> None:
    prompt = [*PROMPT, *range(1000, 1400)]

    async def num_found(number: int, salt: str | None) -> float:
        looked, found = cache_counts()
        stream = engine.generate(
            f"salted-{number}", prompt, Sampling(4, 0.0), None, cache_salt=salt
        )
        async for _ in stream:
            pass
        async with asyncio.timeout(60):
            while cache_counts()[0] < looked + len(prompt):  # noqa: ASYNC110  (vLLM's counters)
                await asyncio.sleep(0.01)
        return cache_counts()[1] - found

    salts = ["key_ann", "key_ann", "key_bob", None, None, "key_ann"]
    found = [await num_found(number, salt) for number, salt in enumerate(salts)]
    assert [bool(tokens) for tokens in found] == [False, True, False, False, True, True]


@on_the_real_engine
async def test_it_tells_what_it_serves(engine: VllmEngine) -> None:
    assert engine.is_healthy
    assert engine.vocab_size == 128256
    assert engine.max_model_len == 1024
    assert engine.stats() == EngineStats(num_running=0, num_waiting=0)


@on_the_real_engine
async def test_a_client_that_leaves_frees_its_request(engine: VllmEngine) -> None:
    async with aclosing(engine.generate("left", PROMPT, LONG, None)) as deltas:
        await anext(deltas)
        assert engine.stats().num_unfinished == 1
    assert engine.stats().num_unfinished == 0


@on_the_real_engine
async def test_a_cancelled_reader_frees_its_request(engine: VllmEngine) -> None:
    reader = asyncio.create_task(collect(engine, "cancelled", LONG, Budget(400, 300)))
    while not engine.stats().num_unfinished:  # noqa: ASYNC110  the engine tells nobody
        await asyncio.sleep(0.01)
    reader.cancel()
    await asyncio.wait([reader])
    assert reader.cancelled()
    assert engine.stats().num_unfinished == 0


@on_the_real_engine
async def test_an_aborted_request_ends_with_abort(engine: VllmEngine) -> None:
    deltas = engine.generate("aborted", PROMPT, Sampling(400, 1.0, n=2), Budget(400, 300))
    await anext(deltas)
    assert engine.stats().num_unfinished == 2
    await engine.abort("aborted")
    assert engine.stats().num_unfinished == 0
    last: dict[int, EngineDelta] = {delta.index: delta async for delta in deltas}
    assert {delta.finish_reason for delta in last.values()} == {"abort"}


@on_the_real_engine
async def test_requests_beyond_the_queue_are_refused(engine: VllmEngine) -> None:
    most = MAX_NUM_SEQS + MAX_QUEUE
    open_replies = [engine.generate(f"held-{k}", PROMPT, LONG, None) for k in range(most)]
    first = [asyncio.create_task(anext(deltas)) for deltas in open_replies]
    await first[0]
    assert engine.stats().num_unfinished == most
    with pytest.raises(QueueFull):
        await collect(engine, "one-too-many", LONG)
    await asyncio.gather(*(engine.abort(f"held-{k}") for k in range(most)))
    await asyncio.gather(*first, return_exceptions=True)
    for deltas in open_replies:
        await deltas.aclose()
    assert engine.stats().num_unfinished == 0


@on_the_real_engine
async def test_choices_differ_and_a_seed_repeats_them(
    engine: VllmEngine, random_bundle: Bundle
) -> None:
    sampling = Sampling(max_tokens=12, temperature=1.0, seed=3, n=3)
    replies = []
    for name in ("once", "again"):
        deltas = await collect(engine, name, sampling)
        replies.append(
            tuple(
                tuple(t for delta in deltas if delta.index == k for t in delta.token_ids)
                for k in range(3)
            )
        )
        assert sum(delta.finish_reason is not None for delta in deltas) == 3
    assert replies[0] == replies[1]
    assert len(set(replies[0])) == 3
    assert all(len(token_ids) == 12 for token_ids in replies[0])


@on_the_real_engine
async def test_logprobs_come_with_every_token_the_sampled_one_first(engine: VllmEngine) -> None:
    sampling = Sampling(max_tokens=5, temperature=1.0, num_logprobs=3)
    deltas = await collect(engine, "logprobs", sampling)
    for delta in deltas:
        assert delta.logprobs is not None
        assert len(delta.logprobs) == len(delta.token_ids)
        for token_id, entries in zip(delta.token_ids, delta.logprobs, strict=True):
            assert entries[0].token_id == token_id
            assert len(entries) in (3, 4)
            assert {1, 2, 3} <= {entry.rank for entry in entries}
            assert all(entry.logprob <= 0 for entry in entries)
    bare = await collect(engine, "bare", Sampling(max_tokens=2, temperature=0.0, num_logprobs=0))
    assert [len(entries) for delta in bare for entries in delta.logprobs or ()] == [1, 1]


@on_the_real_engine
async def test_the_finish_reason_tells_an_ended_reply_from_a_cut_one(
    engine: VllmEngine, random_bundle: Bundle
) -> None:
    cut = await collect(engine, "cut", Sampling(max_tokens=4, temperature=1.0))
    assert cut[-1].finish_reason == "length"
    assert [delta.finish_reason for delta in cut[:-1]] == [None] * (len(cut) - 1)
    vocabulary = Vocabulary.load(random_bundle.folder)
    automaton = Automaton.build(random_bundle.format, vocabulary, random_bundle.stop_token_ids)
    least = automaton.least_tokens()
    ended = await collect(engine, "ended", Sampling(least, 1.0), Budget(least, least))
    assert ended[-1].finish_reason == "stop"
    assert ended[-1].token_ids[-1] in random_bundle.stop_token_ids


@on_the_real_engine
async def test_what_vllm_refuses_is_the_requests_fault(engine: VllmEngine) -> None:
    with pytest.raises(RequestError):
        await collect(engine, "too-long", Sampling(max_tokens=5000, temperature=-1.0))
    for odd in ([], [10**7], [-1]):
        with pytest.raises(RequestError):
            await anext(engine.generate("odd", odd, LONG, None))
    with pytest.raises(RequestError):
        await anext(engine.generate("long", [5] * 2000, LONG, None))
    assert engine.is_healthy
    assert engine.stats().num_unfinished == 0


@on_the_real_engine
async def test_a_dead_engine_says_so(doomed_engine: VllmEngine) -> None:
    deltas = doomed_engine.generate("last", PROMPT, Sampling(900, 1.0), None)
    await anext(deltas)
    doomed_engine._llm.engine_core.resources.engine_manager.processes[0].kill()
    with pytest.raises(EngineDead):
        async for _ in deltas:
            pass
    assert not doomed_engine.is_healthy
    with pytest.raises(EngineDead):
        await collect(doomed_engine, "too-late", LONG)
    await doomed_engine.drain(1)
    await doomed_engine.close()
    await doomed_engine.close()
