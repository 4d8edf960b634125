"""Hugging Face's generate: whatever it does to the rows, every reply is complete and in budget."""

from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from decoding.automaton import Automaton
from decoding.budget import Budget, BudgetError
from decoding.bundle import BudgetDefaults, Bundle
from decoding.format import Reply, ReplyFormat
from decoding.grammars.dfa import compile as compile_language
from decoding.grammars.grammar import Either, Text
from decoding.vocabulary import Vocabulary
from tests.decoding.budgets import random_budget
from tests.decoding.judge import is_well_formed, num_reflections
from tests.tokenizer import make_model_folder

pytest.importorskip("transformers", reason="transformers is not installed")

from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    StoppingCriteriaList,
)

from decoding.adapters.transformers import Enforcer

DEMO = Path(__file__).parents[3] / "models" / "demo"
PAD = 0
HOT = {"do_sample": True, "temperature": 3.0, "top_k": 0}
WAYS: dict[str, dict[str, Any]] = {
    "greedy": {"do_sample": False},
    "hot sampling": HOT,
    "sampling with every warper": {
        "do_sample": True, "top_k": 5, "top_p": 0.5, "min_p": 0.1, "typical_p": 0.5,
        "repetition_penalty": 1.3, "renormalize_logits": True,
    },
    "beams": {"do_sample": False, "num_beams": 4, "num_return_sequences": 4},
    "early stopped beams": {"do_sample": False, "num_beams": 4, "early_stopping": True},
    "beam sampling": HOT | {"num_beams": 4, "num_return_sequences": 2},
    "returned sequences": HOT | {"num_return_sequences": 3},
    "no cache": HOT | {"use_cache": False},
}  # fmt: skip


def make_model(vocab_size: int, seed: int) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocab_size, hidden_size=16, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=512, initializer_range=1.0,
        bos_token_id=None, eos_token_id=None, pad_token_id=PAD,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


@pytest.fixture(scope="module")
def model(automaton: Automaton) -> LlamaForCausalLM:
    return make_model(automaton.vocab_size, seed=0)


@pytest.fixture
def prompts() -> dict[str, Any]:
    """Three prompts of different lengths, padded on the left."""
    lengths = [5, 2, 4]
    input_ids = torch.tensor([[PAD] * (5 - n) + [40 + n] * n for n in lengths])
    return {"input_ids": input_ids, "attention_mask": (input_ids != PAD).long()}


def replies(output: Any, start: int, automaton: Automaton) -> list[list[int]]:
    """Cut the prompt and what follows the first stop token."""
    cut = []
    for row in output[:, start:].tolist():
        ends = [at for at, token_id in enumerate(row) if token_id in automaton.stop_token_ids]
        cut.append(row[: ends[0] + 1] if ends else row)
    return cut


def expect_complete(token_ids: list[int], budget: Budget, vocabulary: Vocabulary) -> None:
    text = vocabulary.decode(token_ids)
    assert is_well_formed(text)
    assert Reply.parse(text.decode(), ReplyFormat()).answer
    assert len(token_ids) <= budget.max_tokens
    assert budget.min_reflections <= num_reflections(text) <= budget.max_reflections


@pytest.mark.parametrize("way", WAYS)
def test_every_reply_of_a_batch_is_complete_and_in_its_own_budget(
    model: LlamaForCausalLM, automaton: Automaton, vocabulary: Vocabulary,
    prompts: dict[str, Any], way: str,
) -> None:  # fmt: skip
    rng = random.Random(way)
    torch.manual_seed(1)
    for _ in range(2):
        budgets = [random_budget(rng, automaton, 30) for _ in range(3)]
        enforcer = Enforcer(automaton, budgets)
        output = model.generate(**prompts, **enforcer.kwargs, **WAYS[way])
        found = replies(output, 5, automaton)
        assert len(found) == 3 * WAYS[way].get("num_return_sequences", 1)
        for row, token_ids in enumerate(found):
            expect_complete(token_ids, budgets[row * 3 // len(found)], vocabulary)


@pytest.mark.parametrize("way", ["greedy", "hot sampling", "beams"])
def test_without_the_processor_no_reply_is_well_formed(
    model: LlamaForCausalLM, automaton: Automaton, vocabulary: Vocabulary,
    prompts: dict[str, Any], way: str,
) -> None:  # fmt: skip
    kwargs = Enforcer(automaton, Budget(60, 30)).kwargs
    del kwargs["logits_processor"]
    output = model.generate(**prompts, **kwargs, **WAYS[way])
    for token_ids in replies(output, 5, automaton):
        assert not is_well_formed(vocabulary.decode(token_ids))


def test_one_enforcer_serves_many_calls(
    model: LlamaForCausalLM, automaton: Automaton, vocabulary: Vocabulary, prompts: dict[str, Any]
) -> None:
    budget = Budget(50, 20, min_reflections=1)
    enforcer = Enforcer(automaton, budget)
    torch.manual_seed(2)
    first = model.generate(**prompts, **enforcer.kwargs, **HOT)
    chat = torch.cat([first, torch.full((3, 4), 50)], dim=1)  # the next turn of the conversation
    for input_ids in (prompts["input_ids"], prompts["input_ids"][:1], chat, chat[:2]):
        mask = torch.ones_like(input_ids)
        output = model.generate(input_ids, attention_mask=mask, **enforcer.kwargs, **HOT)
        for token_ids in replies(output, input_ids.shape[1], automaton):
            expect_complete(token_ids, budget, vocabulary)


def is_long(input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
    """Stop after eight tokens behind the prompts."""
    return torch.full((len(input_ids),), input_ids.shape[1] >= 5 + 8)


CUTS: dict[str, dict[str, Any]] = {
    "at the end": {},
    "by a criterion": {"stopping_criteria": StoppingCriteriaList([is_long])},
    "by the length": {"max_new_tokens": 8},
}


@pytest.mark.parametrize("num_written", [0, 1, 7])
@pytest.mark.parametrize("cut", CUTS)
def test_a_prompt_that_goes_on_from_the_last_generation_is_no_reply(
    model: LlamaForCausalLM, automaton: Automaton, vocabulary: Vocabulary,
    prompts: dict[str, Any], cut: str, num_written: int,
) -> None:  # fmt: skip
    budget = Budget(50, 20, min_reflections=1)
    enforcer = Enforcer(automaton, budget)
    torch.manual_seed(8)
    written = model.generate(**prompts, **enforcer.kwargs | CUTS[cut], **HOT)
    input_ids = torch.cat([written[:, : 5 + num_written], torch.full((3, 1), 50)], dim=1)
    mask = torch.ones_like(input_ids)
    output = model.generate(input_ids, attention_mask=mask, **enforcer.kwargs, **HOT)
    for token_ids in replies(output, 6 + num_written, automaton):
        expect_complete(token_ids, budget, vocabulary)


def test_a_processor_by_hand_serves_other_prompts_and_with_a_length_all(
    model: LlamaForCausalLM, automaton: Automaton, vocabulary: Vocabulary, prompts: dict[str, Any]
) -> None:
    budget = Budget(50, 20, min_reflections=1)
    prompt = prompts["input_ids"]
    longer = torch.cat([torch.full((3, 1), 50), prompt], dim=1)
    onward = torch.cat([prompt[:, 1:], torch.full((3, 1), 50)], dim=1)
    for length, calls in ((None, (prompt, longer, onward)), (5, (prompt, onward, prompt))):
        enforcer = Enforcer(automaton, budget, prompt_length=length)
        torch.manual_seed(9)
        for input_ids in calls:
            by_hand = enforcer.kwargs | {"logits_processor": [enforcer]}
            mask = torch.ones_like(input_ids)
            output = model.generate(input_ids, attention_mask=mask, **by_hand, **HOT)
            for token_ids in replies(output, input_ids.shape[1], automaton):
                expect_complete(token_ids, budget, vocabulary)


@pytest.mark.parametrize("drafts", ["model", "prompt"])
@pytest.mark.parametrize("is_sampled", [False, True])
def test_drafts_change_nothing_in_what_may_be_said(
    model: LlamaForCausalLM, automaton: Automaton, vocabulary: Vocabulary,
    drafts: str, is_sampled: bool,
) -> None:  # fmt: skip
    budget = Budget(60, 30, min_reflections=1)
    prompt = {"input_ids": torch.tensor([[41] * 6]), "attention_mask": torch.ones(1, 6).long()}
    how: dict[str, Any] = {"prompt_lookup_num_tokens": 5}
    if drafts == "model":
        assistant = make_model(automaton.vocab_size, seed=1)
        assistant.generation_config.assistant_confidence_threshold = 0.0
        assistant.generation_config.num_assistant_tokens = 4
        how = {"assistant_model": assistant}
    torch.manual_seed(4)
    enforcer = Enforcer(automaton, budget)
    drafted = model.generate(**prompt, **enforcer.kwargs, **how, do_sample=is_sampled)
    expect_complete(replies(drafted, 6, automaton)[0], budget, vocabulary)
    if not is_sampled:
        plain = model.generate(**prompt, **Enforcer(automaton, budget).kwargs, do_sample=False)
        assert torch.equal(drafted, plain)


def test_a_reply_that_was_cut_is_finished_from_its_prompt_length(
    model: LlamaForCausalLM, automaton: Automaton, vocabulary: Vocabulary, prompts: dict[str, Any]
) -> None:
    budget = Budget(60, 30)
    enforcer = Enforcer(automaton, budget, prompt_length=5)
    torch.manual_seed(5)
    cut = model.generate(**prompts, **enforcer.kwargs | {"max_new_tokens": 12}, **HOT)
    mask = torch.cat([prompts["attention_mask"], torch.ones(3, cut.shape[1] - 5).long()], dim=1)
    output = model.generate(cut, attention_mask=mask, **enforcer.kwargs, **HOT)
    for token_ids in replies(output, 5, automaton):
        expect_complete(token_ids, budget, vocabulary)


def test_words_that_others_forbid_cannot_empty_a_row(
    model: LlamaForCausalLM, automaton: Automaton, vocabulary: Vocabulary, prompts: dict[str, Any]
) -> None:
    budget = Budget(60, 30, min_reflections=2)
    tags = [i for i, token in enumerate(vocabulary.token_bytes) if token and token[0] in b"<>/"]
    everything = list(range(automaton.vocab_size))
    for token_ids in (tags, everything):
        enforcer = Enforcer(automaton, budget)
        torch.manual_seed(6)
        output = model.generate(**prompts, **enforcer.kwargs, **HOT, suppress_tokens=token_ids)
        for found in replies(output, 5, automaton):
            expect_complete(found, budget, vocabulary)


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), float("inf")])
def test_rows_without_a_finite_score_still_end_well_formed(
    automaton: Automaton, vocabulary: Vocabulary, value: float
) -> None:
    budget = Budget(automaton.least_tokens(1) + 5, 40, min_reflections=1)
    enforcer = Enforcer(automaton, budget)
    input_ids = torch.tensor([[5, 5], [5, 6]])
    while not set(input_ids[0, 2:].tolist()) & set(automaton.stop_token_ids):
        scores = torch.full((2, automaton.vocab_size), value)
        scores[1] = 0.0
        scores[0, 5] = float("nan")
        after = enforcer(input_ids, scores)
        assert torch.isfinite(after.softmax(1)).all()
        assert after[1].amax() == 0
        input_ids = torch.cat([input_ids, after.argmax(1)[:, None]], dim=1)
    expect_complete(input_ids[0, 2:].tolist(), budget, vocabulary)


def test_scores_are_never_changed_in_place(automaton: Automaton) -> None:
    scores = torch.full((1, automaton.vocab_size), float("nan"))
    scores[0, :9] = 1.0
    before = scores.clone()
    after = Enforcer(automaton, Budget(60, 30))(torch.tensor([[1]]), scores)
    assert torch.equal(scores.nan_to_num(nan=7.0), before.nan_to_num(nan=7.0))
    assert torch.isneginf(after).any()


def test_what_cannot_work_is_refused_with_what_to_do(automaton: Automaton) -> None:
    with pytest.raises(BudgetError, match="max_tokens must be at least"):
        Enforcer(automaton, [Budget(60, 30), Budget(3, 2)])
    with pytest.raises(ValueError, match="one a prompt"):
        Enforcer(automaton, [])
    input_ids, scores = torch.ones(3, 2).long(), torch.zeros(3, automaton.vocab_size)
    with pytest.raises(ValueError, match="not 2 for 3 rows"):
        Enforcer(automaton, [Budget(60, 30)] * 2)(input_ids, scores)
    with pytest.raises(ValueError, match="vocab_size"):
        Enforcer(automaton, Budget(60, 30))(input_ids, scores[:, 1:])
    with pytest.raises(ValueError, match="prompt_length"):
        Enforcer(automaton, Budget(60, 30), prompt_length=3)(input_ids, scores)


def test_a_folder_is_enough(tmp_path: Path) -> None:
    defaults = BudgetDefaults(max_thinking_tokens=70, max_tokens=100, min_answer_tokens=9)
    bundle = make_model_folder(tmp_path / "model", budgets=defaults)
    enforcer = Enforcer.load(bundle.folder)
    (budget,) = enforcer.budgets
    assert (budget.max_tokens, budget.max_thinking_tokens) == (100, 70)
    assert enforcer.automaton.stop_token_ids == bundle.stop_token_ids
    assert Enforcer.load(bundle.folder, Budget(60, 30)).kwargs["max_new_tokens"] == 60


@pytest.mark.skipif(not (DEMO / "config.json").is_file(), reason="models/demo is not built")
def test_the_demo_model_answers_in_three_lines() -> None:
    model = AutoModelForCausalLM.from_pretrained(DEMO)
    bundle = Bundle.load(DEMO)
    vocabulary = Vocabulary.load(DEMO, tags=bundle.format.tags)
    prompt = torch.tensor([bundle.golden_replies[0].prompt_token_ids])
    enforcer = Enforcer.load(DEMO, Budget(max_tokens=90, max_thinking_tokens=60))
    output = model.generate(prompt, attention_mask=torch.ones_like(prompt), **enforcer.kwargs)
    (token_ids,) = replies(output, prompt.shape[1], enforcer.automaton)
    assert Reply.parse(vocabulary.decode(token_ids).decode(), bundle.format).answer


@pytest.mark.gpu
def test_scores_on_the_device_are_masked_as_on_the_host(automaton: Automaton) -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs an NVIDIA GPU")
    here, there = (Enforcer(automaton, Budget(40, 20)) for _ in range(2))
    input_ids = torch.tensor([[5], [6]])
    for _ in range(40):
        scores = torch.randn(2, automaton.vocab_size)
        after = here(input_ids, scores)
        assert torch.equal(after, there(input_ids.cuda(), scores.cuda()).cpu())
        input_ids = torch.cat([input_ids, after.argmax(1)[:, None]], dim=1)


def test_the_answer_may_be_constrained_by_the_automaton(
    model: LlamaForCausalLM, vllm_config: SimpleNamespace, vocabulary: Vocabulary,
    prompts: dict[str, Any],
) -> None:  # fmt: skip
    bundle = Bundle.load(vllm_config.model_config.model)
    answer = compile_language(Either((Text(b"yes"), Text(b"no"))))
    constrained = Automaton.build(bundle.format, vocabulary, bundle.stop_token_ids, answer=answer)
    enforcer = Enforcer(constrained, Budget(40, 20))
    torch.manual_seed(7)
    output = model.generate(**prompts, **enforcer.kwargs, **HOT | {"num_return_sequences": 3})
    for token_ids in replies(output, 5, constrained):
        reply = Reply.parse(vocabulary.decode(token_ids).decode(), ReplyFormat())
        assert reply.answer.strip("\n") in ("yes", "no")
