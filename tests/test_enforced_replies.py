"""Replies of the real vLLM on random weights: well-formed when enforced, and only then.

Weights that were never trained, the real Llama 3 vocabulary, temperatures of 1 to 2, and token
limits from the least that is accepted up: what holds here holds for any weights. The judge shares
no code with the enforcement.
"""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

import pytest
from prometheus_client import REGISTRY

from decoding.automaton import Automaton
from decoding.budget import Budget
from decoding.bundle import Bundle
from decoding.vocabulary import Vocabulary
from server.engines.engine import Engine, FinishReason, Sampling
from server.engines.vllm_engine import VllmEngine
from tests.conftest import MAX_NUM_SEQS
from tests.decoding.budgets import random_budget
from tests.decoding.judge import is_well_formed, num_reflections

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

NUM_REQUESTS = 300
NUM_UNENFORCED = 40
PROMPT = [128000, 1985, 374, 264, 1296, 13]


@dataclass(frozen=True)
class Written:
    """A reply as it came from the engine."""

    budget: Budget
    token_ids: tuple[int, ...]
    finish_reason: FinishReason | None


@pytest.fixture(scope="module")
def vocabulary(random_bundle: Bundle) -> Vocabulary:
    return Vocabulary.load(random_bundle.folder)


@pytest.fixture(scope="module")
def automaton(random_bundle: Bundle, vocabulary: Vocabulary) -> Automaton:
    return Automaton.build(random_bundle.format, vocabulary, random_bundle.stop_token_ids)


async def write(
    engine: Engine,
    name: str,
    budget: Budget,
    sampling: Sampling,
    *,
    is_enforced: bool = True,
    prompt: Sequence[int] = PROMPT,
) -> list[Written]:
    """Let the engine write the n replies of one request."""
    token_ids: list[list[int]] = [[] for _ in range(sampling.n)]
    reasons: list[FinishReason | None] = [None] * sampling.n
    async for delta in engine.generate(name, prompt, sampling, budget if is_enforced else None):
        token_ids[delta.index] += delta.token_ids
        reasons[delta.index] = delta.finish_reason or reasons[delta.index]
    return [Written(budget, tuple(t), r) for t, r in zip(token_ids, reasons, strict=True)]


async def leave(engine: Engine, name: str, budget: Budget, sampling: Sampling, after: int) -> None:
    """Read a few deltas of a request, then close it."""
    async with aclosing(engine.generate(name, PROMPT, sampling, budget)) as deltas:
        async for _ in deltas:
            after -= 1
            if after <= 0:
                return


def faults(reply: Written, bundle: Bundle, vocabulary: Vocabulary) -> list[str]:
    """Judge a reply: what is wrong with it, nothing if it keeps the format and its budget."""
    budget, token_ids = reply.budget, reply.token_ids
    text = vocabulary.decode(token_ids)
    prefixes = [vocabulary.decode(token_ids[:end]) for end in range(len(token_ids) + 1)]
    num_thinking = sum(
        before.rfind(b"<thinking>") > before.rfind(b"</thinking>") for before in prefixes[:-1]
    )
    opened = next((end for end, before in enumerate(prefixes) if b"<output>" in before), None)
    checks = {
        "is not well-formed": is_well_formed(text),
        "was not stopped": reply.finish_reason == "stop",
        "does not end with EOS": token_ids[-1] in bundle.stop_token_ids,
        "is longer than max_tokens": len(token_ids) <= budget.max_tokens,
        "thinks longer than max_thinking_tokens": num_thinking <= budget.max_thinking_tokens,
        "has too few reflections": num_reflections(text) >= budget.min_reflections,
        "has too many reflections": num_reflections(text) <= budget.max_reflections,
        "had no room for min_answer_tokens": opened is not None
        and budget.max_tokens - opened >= budget.min_answer_tokens,
    }
    return [fault for fault, is_kept in checks.items() if not is_kept]


def random_sampling(rng: random.Random, budget: Budget, n: int = 1) -> Sampling:
    return Sampling(budget.max_tokens, rng.uniform(1, 2), n=n)


def num_preemptions() -> float:
    """How often the engine took a running request out of its batch, by its own metric."""
    return sum(
        sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == "vllm:num_preemptions_total"
    )


async def test_every_enforced_reply_is_well_formed_whatever_leaves_or_joins_the_batch(
    engine: Engine,
    automaton: Automaton,
    vocabulary: Vocabulary,
    random_bundle: Bundle,
    figures: list[str],
) -> None:
    rng = random.Random(11)
    room = asyncio.Semaphore(MAX_NUM_SEQS)
    written: list[Written] = []

    async def request(number: int) -> None:
        budget = random_budget(rng, automaton, most=rng.choice([1, 4, 40]))
        n = 2 if number % 6 == 0 else 1
        sampling = random_sampling(rng, budget, n)
        name, patience, delay_s = f"enforced-{number}", rng.randrange(1, 9), rng.uniform(0, 0.2)
        async with room:
            await asyncio.sleep(delay_s)
            if number % 9 == 1:
                await leave(engine, name, budget, sampling, patience)
            else:
                written.extend(await write(engine, name, budget, sampling))

    await asyncio.gather(*(request(number) for number in range(NUM_REQUESTS)))
    judged = [faults(reply, random_bundle, vocabulary) for reply in written]
    figures.append(f"enforced: {judged.count([])} of {len(written)} replies are well-formed")
    assert len(written) >= 300
    assert [fault for fault in judged if fault] == []
    least = automaton.least_tokens()
    assert min(reply.budget.max_tokens for reply in written) == least
    assert engine.stats().num_unfinished == 0


async def test_preempted_replies_go_on_well_formed(
    engine: Engine, vocabulary: Vocabulary, random_bundle: Bundle, figures: list[str]
) -> None:
    before = num_preemptions()
    budget = Budget(max_tokens=40, max_thinking_tokens=24, min_reflections=1)
    sampling = Sampling(budget.max_tokens, 1.5)
    prompts = [[*PROMPT, *([1000 + k] * (110 - len(PROMPT)))] for k in range(MAX_NUM_SEQS)]
    replies = await asyncio.gather(
        *(
            write(engine, f"preempted-{k}", budget, sampling, prompt=prompt)
            for k, prompt in enumerate(prompts)
        )
    )
    assert [
        fault for (reply,) in replies if (fault := faults(reply, random_bundle, vocabulary))
    ] == []
    assert num_preemptions() > before
    figures.append(f"preempted: {num_preemptions() - before:.0f} times in {len(replies)} replies")


async def test_the_same_model_without_enforcement_is_not_well_formed(
    engine: Engine,
    automaton: Automaton,
    vocabulary: Vocabulary,
    random_bundle: Bundle,
    figures: list[str],
) -> None:
    rng = random.Random(12)
    budgets = [random_budget(rng, automaton, most=40) for _ in range(NUM_UNENFORCED)]
    replies = await asyncio.gather(
        *(
            write(engine, f"free-{k}", budget, random_sampling(rng, budget), is_enforced=False)
            for k, budget in enumerate(budgets)
        )
    )
    judged = [faults(reply, random_bundle, vocabulary) for (reply,) in replies]
    figures.append(f"unenforced: {judged.count([])} of {len(judged)} replies are well-formed")
    assert judged.count([]) == 0


@pytest.mark.gpu
@pytest.mark.skipif(shutil.which("nvidia-smi") is None, reason="needs an NVIDIA GPU")
async def test_on_a_gpu_all_of_this_runs_in_the_v2_model_runner(engine: VllmEngine) -> None:
    assert engine._llm.vllm_config.use_v2_model_runner


@pytest.mark.parametrize("temperature", [0.0, 1.3])
async def test_a_seeded_reply_is_the_same_alone_and_in_a_batch(
    engine: Engine, automaton: Automaton, temperature: float
) -> None:
    budget = Budget(automaton.least_tokens(1) + 8, 16, min_reflections=1)
    sampling = Sampling(budget.max_tokens, temperature, top_p=0.9, seed=7)
    rng = random.Random(13)

    async def other(number: int) -> None:
        budget = random_budget(rng, automaton)
        await write(engine, f"other-{number}", budget, random_sampling(rng, budget))

    alone = await write(engine, "alone", budget, sampling)
    others = asyncio.gather(*(other(number) for number in range(6)))
    together = await write(engine, "together", budget, sampling)
    await others
    assert together == alone
