"""Penalties, biases and logprobs in the real vLLM: they steer, and never break the reply format.

Random weights and the real Llama 3 vocabulary, as in test_enforced_replies. What a client adds to
logits is added before the reply format forbids, or to what is minus infinity already.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence

import pytest

from decoding.budget import Budget
from decoding.bundle import Bundle
from decoding.matcher import Matcher
from decoding.vocabulary import Vocabulary
from server.engines.engine import EngineDelta, Sampling
from server.engines.vllm_engine import VllmEngine
from server.model import ServedModel
from server.plan import Plan
from server.replies.choice import AnswerDelta, Choice
from server.replies.logprobs import AnswerToken, as_json
from tests.test_enforced_replies import PROMPT, Written, faults

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

TAGS = ("<thinking>", "</thinking>", "<reflection>", "</reflection>", "<output>", "</output>")


@pytest.fixture(scope="module")
def model(random_bundle: Bundle) -> ServedModel:
    return ServedModel.load(random_bundle)


async def write(
    engine: VllmEngine, name: str, budget: Budget, **sampling: object
) -> list[EngineDelta]:
    how = Sampling(budget.max_tokens, **{"temperature": 1.0, "seed": 5} | sampling)  # type: ignore[arg-type]
    return [delta async for delta in engine.generate(name, PROMPT, how, budget)]


def token_ids(deltas: Sequence[EngineDelta]) -> tuple[int, ...]:
    return tuple(token_id for delta in deltas for token_id in delta.token_ids)


def tag_tokens(vocabulary: Vocabulary, bundle: Bundle) -> set[int]:
    """Return every token that may be a part of a tag, and those that end a reply."""
    parts = {tag[i:j].encode() for tag in TAGS for i in range(len(tag)) for j in range(i + 1, 13)}
    found = {i for i, text in enumerate(vocabulary.token_bytes) if text in parts}
    return found | set(bundle.stop_token_ids)


async def test_no_bias_on_tags_or_answers_leaves_a_reply_incomplete(
    engine: VllmEngine, model: ServedModel, random_bundle: Bundle, figures: list[str]
) -> None:
    shortest = model.automaton.least_tokens()
    marks = sorted(tag_tokens(model.vocabulary, random_bundle))
    letters = [
        i
        for i, text in enumerate(model.vocabulary.token_bytes)
        if text in (b"a", b" ", b"7", b"\n")
    ]
    closing = [i for i in marks if (model.vocabulary.token_bytes[i] or b"").startswith(b"</")]
    budgets = [
        Budget(max_tokens=shortest, max_thinking_tokens=shortest),
        Budget(max_tokens=shortest + 30, max_thinking_tokens=20),
    ]
    biases: list[tuple[tuple[int, float], ...]] = [
        tuple((i, sign * 100.0) for i in ids)
        for ids in (marks, letters, closing, random_bundle.stop_token_ids)
        for sign in (1, -1)
    ]
    penalties = [(0.0, 0.0, 1.0), (2.0, 2.0, 100.0), (-2.0, -2.0, 0.01)]
    cases = [
        (b, bias, p, t) for b in budgets for bias in biases for p in penalties for t in (0.0, 1.5)
    ]

    async def one(number: int) -> list[str]:
        budget, bias, (frequency, presence, repetition), temperature = cases[number]
        deltas = await write(
            engine,
            f"biased-{number}",
            budget,
            logit_bias=bias,
            frequency_penalty=frequency,
            presence_penalty=presence,
            repetition_penalty=repetition,
            temperature=temperature,
        )
        reply = Written(budget, token_ids(deltas), deltas[-1].finish_reason)
        return faults(reply, random_bundle, model.vocabulary)

    room = asyncio.Semaphore(16)

    async def limited(number: int) -> list[str]:
        async with room:
            return await one(number)

    found = await asyncio.gather(*map(limited, range(len(cases))))
    assert [each for each in found if each] == []
    figures.append(f"biases of 100 and penalties: {len(cases)} replies, all well-formed")


async def test_penalties_and_biases_change_what_is_written(engine: VllmEngine) -> None:
    budget = Budget(max_tokens=200, max_thinking_tokens=150)
    plain = token_ids(await write(engine, "plain", budget, temperature=0.0))
    penalised = token_ids(
        await write(engine, "penalised", budget, temperature=0.0, frequency_penalty=2.0)
    )
    most = max(Counter(plain).values())
    assert penalised != plain
    assert max(Counter(penalised).values()) <= most
    often = Counter(plain).most_common(1)[0][0]
    banned = token_ids(
        await write(engine, "banned", budget, temperature=0.0, logit_bias=((often, -100.0),))
    )
    assert Counter(banned)[often] < most
    narrow = token_ids(await write(engine, "narrow", budget, temperature=2.0, top_k=1))
    assert narrow == plain


async def test_greedy_tokens_are_the_most_likely_of_those_that_may_come(
    engine: VllmEngine, model: ServedModel
) -> None:
    budget = Budget(max_tokens=120, max_thinking_tokens=60)
    deltas = await write(engine, "greedy", budget, temperature=0.0, num_logprobs=20)
    matcher = Matcher(model.automaton, budget, model.masks)
    num_free = 0
    for delta in deltas:
        assert delta.logprobs is not None
        for token_id, entries in zip(delta.token_ids, delta.logprobs, strict=True):
            assert entries[0].token_id == token_id
            legal = [entry for entry in entries if matcher.allows(entry.token_id)]
            assert entries[0].logprob == max(entry.logprob for entry in legal)
            num_free += entries[0].rank == 1
            assert matcher.accept(token_id)
    assert num_free > 10


async def test_logprobs_are_the_model_s_own_at_any_temperature(
    engine: VllmEngine, model: ServedModel
) -> None:
    """The first token's numbers do not depend on how it is drawn."""
    budget = Budget(max_tokens=120, max_thinking_tokens=60)
    told = []
    for number, how in enumerate(
        ({"temperature": 0.0}, {"temperature": 2.0, "top_p": 0.5}, {"presence_penalty": 2.0})
    ):
        deltas = await write(engine, f"own-{number}", budget, num_logprobs=20, **how)
        assert deltas[0].logprobs is not None
        told.append({entry.token_id: entry.logprob for entry in deltas[0].logprobs[0]})
    common = set.intersection(*map(set, told))
    assert len(common) >= 20
    for token_id in common:
        assert max(each[token_id] for each in told) - min(each[token_id] for each in told) < 1e-3


async def test_the_client_is_told_of_the_answer_s_tokens_alone(
    engine: VllmEngine, model: ServedModel
) -> None:
    budget = Budget(max_tokens=160, max_thinking_tokens=60)
    for number in range(8):
        sampling = Sampling(160, 1.2, seed=number, num_logprobs=20)
        plan = Plan(tuple(PROMPT), budget, (sampling,), (), False, num_top_logprobs=20)
        it = Choice(model, plan, 0)
        deltas: list[AnswerDelta] = []
        async for delta in engine.generate(f"told-{number}", PROMPT, sampling, budget):
            deltas += [event for event in it.feed(delta) if isinstance(event, AnswerDelta)]
        answer = "".join(delta.text for delta in deltas).encode()
        tokens: list[AnswerToken] = [token for delta in deltas for token in delta.logprobs or ()]
        assert tokens
        assert len(tokens) <= it.num_tokens - it.num_reasoning_tokens
        for token in tokens:
            end = token.offset + len(token.chosen.text)
            assert answer[token.offset : end] == token.chosen.text
            assert all(
                not chance.text.endswith(b"<") or chance == token.chosen for chance in token.top
            )
        json.dumps(as_json(tokens), allow_nan=False)
