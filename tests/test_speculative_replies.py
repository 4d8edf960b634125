"""Drafts and enforcement together, in vLLM's runner for GPUs: replies complete, drafts taken.

The drafts come from the reply's own text and from a model: random weights draft nothing that
random weights confirm, so the demo model writes here, and drafts for itself.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from prometheus_client import REGISTRY

from decoding.automaton import Automaton
from decoding.bundle import Bundle
from decoding.vocabulary import Vocabulary
from server.engines.engine import Sampling
from server.engines.vllm_engine import VllmEngine
from server.engines.vllm_settings import EngineSettings
from tests.conftest import MODELS
from tests.decoding.budgets import random_budget
from tests.test_enforced_replies import faults, write

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.engine,
]

DEMO = MODELS / "demo"
DRAFTS: list[dict[str, Any]] = [
    {"method": "ngram", "num_speculative_tokens": 3, "prompt_lookup_max": 3},
    {"method": "draft_model", "model": str(DEMO), "num_speculative_tokens": 3},
]
NUM_REQUESTS = 200
ACCEPTED = "vllm:spec_decode_num_accepted_tokens_total"


def num_accepted() -> float:
    samples = (sample for metric in REGISTRY.collect() for sample in metric.samples)
    return sum(sample.value for sample in samples if sample.name == ACCEPTED)


@pytest.mark.parametrize("drafts", DRAFTS, ids=lambda drafts: drafts["method"])
async def test_every_reply_is_complete_and_drafts_are_taken(drafts: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    if not torch.cuda.is_available():
        pytest.skip("needs an NVIDIA GPU")
    bundle = Bundle.load(DEMO)
    vocabulary = Vocabulary.load(DEMO)
    automaton = Automaton.build(bundle.format, vocabulary, bundle.stop_token_ids)
    prompt = bundle.golden_replies[0].prompt_token_ids
    rng = random.Random(0)
    settings = EngineSettings(DEMO, max_num_seqs=32, vllm={"speculative_config": drafts})
    engine = await VllmEngine.start(settings)
    before = num_accepted()
    try:
        requests = []
        for number in range(NUM_REQUESTS):
            budget = random_budget(rng, automaton, most=80)
            sampling = Sampling(budget.max_tokens, temperature=rng.choice([0.0, 0.7, 1.5]))
            requests.append(write(engine, f"s{number}", budget, sampling, prompt=prompt))
        replies = [reply for (reply,) in await asyncio.gather(*requests)]
    finally:
        await engine.close()
    assert [found for reply in replies if (found := faults(reply, bundle, vocabulary))] == []
    assert num_accepted() > before
