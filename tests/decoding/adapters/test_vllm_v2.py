"""The V2 adapter on CPU tensors: a hand-made model runner, step by step against matchers."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from decoding.automaton import Automaton
from decoding.batch_matcher import BatchMatcher
from decoding.budget import Budget
from decoding.vocabulary import Vocabulary
from tests.decoding.adapters.conftest import params
from tests.decoding.budgets import random_budget
from tests.decoding.judge import is_well_formed

pytest.importorskip("vllm", reason="vLLM is not installed")

from vllm.exceptions import VLLMValidationError
from vllm.v1.worker.gpu.sample.logits_processor import (
    LogitsContext,
    LogitsProcRequestState,
    build_custom_logits_processors_params_validator,
)

from decoding.adapters.admission import load_automata
from decoding.adapters.device_matcher import BROKEN_STATE, DeviceMatcher
from decoding.adapters.vllm_v2 import Enforcer
from decoding.answer import AnswerConstraint

SLOTS, MAX_LEN = 6, 160
LIST = {"regex": r"\[[0-9]+(, [0-9]+)*\]"}
CHOICE = {"choice": ["yes", "no", "naïve"]}

Automata = list[tuple[dict[str, Any], Automaton]]  # of constraints, {} for none


@pytest.fixture(scope="module")
def automata(vllm_config: SimpleNamespace) -> Automata:
    known = load_automata(vllm_config.model_config)
    found: Automata = [({}, known.plain)]
    return found + [(form, known.find(AnswerConstraint.from_dict(form))) for form in (LIST, CHOICE)]


class Reply:
    """A request: a prompt of its own length, a budget or none, and what it wrote so far."""

    def __init__(
        self,
        prompt_len: int,
        budget: Budget | None,
        automaton: Automaton,
        answer: dict[str, Any] | None = None,
    ) -> None:
        self.prompt_len, self.budget = prompt_len, budget
        self.automaton = automaton
        self.params = params(budget)
        if answer:
            self.params.extra_args["reflection"] |= {"answer": answer}
        self.token_ids: list[int] = []


class Runner:
    """The tensors of vLLM's V2 model runner, and its steps with draft tokens."""

    def __init__(self, vllm_config: SimpleNamespace, automata: Automata, seed: int) -> None:
        self.automata, automaton = automata, automata[0][1]
        num_drafts = getattr(vllm_config.speculative_config, "num_speculative_tokens", 0)
        self.num_drafts, self.automaton = num_drafts, automaton
        self.rng, self.draw = random.Random(seed), torch.Generator().manual_seed(seed)
        self.prompt_len, self.prefill_len = self.host(), self.host()
        self.total_len = SimpleNamespace(gpu=torch.zeros(SLOTS, dtype=torch.int32))
        self.all_token_ids = SimpleNamespace(gpu=torch.zeros(SLOTS, MAX_LEN, dtype=torch.int32))
        states = LogitsProcRequestState(
            device=torch.device("cpu"),
            max_num_reqs=SLOTS,
            vocab_size=automaton.vocab_size,
            all_token_ids=self.all_token_ids,
            prompt_len=self.prompt_len,
            prefill_len=self.prefill_len,
            total_len=self.total_len,
        )
        self.enforcer = Enforcer(vllm_config, states)
        self.replies: dict[int, Reply] = {}
        self.preempted: list[Reply] = []
        self.finished: list[Reply] = []
        self.matcher = BatchMatcher(automaton, 1)

    @staticmethod
    def host() -> SimpleNamespace:
        values = np.zeros(SLOTS, np.int32)
        return SimpleNamespace(np=values, gpu=torch.from_numpy(values))

    def add(self, reply: Reply) -> None:
        """Give a request a slot; one that was preempted is fed its own tokens again."""
        slot = next(s for s in range(SLOTS) if s not in self.replies)
        self.replies[slot] = reply
        fed = [1] * reply.prompt_len + reply.token_ids
        self.prompt_len.np[slot] = reply.prompt_len
        self.prefill_len.np[slot] = self.total_len.gpu[slot] = len(fed)
        self.all_token_ids.gpu[slot, : len(fed)] = torch.tensor(fed)
        assert self.enforcer.add_request(slot, reply.params) == (reply.budget is not None)

    def change(self) -> None:
        """Finish, preempt, abort, resume and add requests."""
        for slot, reply in list(self.replies.items()):
            is_done = bool(reply.token_ids) and reply.token_ids[-1] in self.automaton.stop_token_ids
            if is_done and reply.budget is not None:
                self.finished.append(reply)
            if is_done or len(reply.token_ids) > 80 or self.rng.random() < 0.06:
                del self.replies[slot]
                if not is_done and self.rng.random() < 0.8:
                    self.preempted.append(reply)
        while len(self.replies) < SLOTS and self.rng.random() < 0.7:
            if self.preempted and self.rng.random() < 0.7:
                self.add(self.preempted.pop(0))
            else:
                is_enforced = self.rng.random() < 0.8
                answer, automaton = self.rng.choice(self.automata)
                budget = random_budget(self.rng, automaton, most=24) if is_enforced else None
                answer = answer if is_enforced else {}
                self.add(Reply(self.rng.randrange(1, 9), budget, automaton, answer))
        self.enforcer.apply_staged_writes()

    def step(self) -> None:
        """Write one token, or some drafts and one more, in a part of the slots."""
        self.change()
        slots = [slot for slot in self.replies if self.rng.random() < 0.8]
        self.rng.shuffle(slots)
        if not slots:
            return
        drafts = {slot: self.drafts(self.replies[slot]) for slot in slots}
        rows = [(slot, at) for slot in slots for at in range(len(drafts[slot]) + 1)]
        logits = torch.randn(len(rows), self.automaton.vocab_size, generator=self.draw)
        before = logits.clone()
        logits = self.enforcer.apply(logits, self.context(slots, rows, drafts))
        for row, (slot, at) in enumerate(rows):
            reply = self.replies[slot]
            if reply.budget is None:
                assert torch.equal(logits[row], before[row])
            else:
                expected = self.allowed(reply, drafts[slot][:at])
                assert np.array_equal(torch.isfinite(logits[row]).numpy(), expected)
        for slot in slots:
            first = rows.index((slot, 0))
            self.commit(slot, logits[first : first + len(drafts[slot]) + 1], drafts[slot])

    def drafts(self, reply: Reply) -> list[int]:
        """Draw draft tokens: mostly ones that are legal, as a good draft model would."""
        drafts: list[int] = []
        for _ in range(self.rng.randrange(self.num_drafts + 1)):
            if reply.budget is None or self.rng.random() < 0.3:
                drafts.append(self.rng.randrange(self.automaton.vocab_size))
            else:
                drafts.append(int(self.rng.choice(np.flatnonzero(self.allowed(reply, drafts)))))
        return drafts

    def context(
        self, slots: list[int], rows: list[tuple[int, int]], drafts: dict[int, list[int]]
    ) -> LogitsContext:
        last = {s: self.all_token_ids.gpu[s, self.total_len.gpu[s] - 1] for s in slots}
        fed = [drafts[slot][at - 1] if at else int(last[slot]) for slot, at in rows]
        lengths = [int(self.total_len.gpu[slot]) + at for slot, at in rows]
        return LogitsContext(
            expanded_idx_mapping=torch.tensor([slot for slot, _ in rows], dtype=torch.int32),
            idx_mapping=torch.tensor(slots, dtype=torch.int32),
            idx_mapping_np=np.array(slots),
            expanded_local_pos=torch.tensor([at for _, at in rows], dtype=torch.int32),
            input_ids=torch.tensor(fed, dtype=torch.int32),
            pos=torch.tensor(lengths) - 1,
            seq_lens_upper_bound_np=np.array([MAX_LEN] * len(slots)),
        )

    def allowed(self, reply: Reply, drafts: list[int]) -> np.ndarray:
        assert reply.budget is not None
        self.matcher.set(0, reply.budget, [*reply.token_ids, *drafts], reply.automaton)
        return self.matcher.find_masks(np.array([0]))[0].tokens

    def commit(self, slot: int, logits: torch.Tensor, drafts: list[int]) -> None:
        """Accept the drafts that sampling confirms, and the token sampled after them."""
        sampled = torch.multinomial(logits.softmax(1), 1, generator=self.draw).flatten().tolist()
        reply, accepted = self.replies[slot], []
        for at, token_id in enumerate(sampled):
            is_kept = at < len(drafts) and bool(torch.isfinite(logits[at, drafts[at]]))
            accepted.append(drafts[at] if is_kept else token_id)
            if not is_kept or accepted[-1] in self.automaton.stop_token_ids:
                break
        start = int(self.total_len.gpu[slot])
        self.all_token_ids.gpu[slot, start : start + len(accepted)] = torch.tensor(accepted)
        self.total_len.gpu[slot] += len(accepted)
        reply.token_ids += accepted


@pytest.mark.parametrize("num_drafts", [0, 3])
def test_a_churning_runner_masks_every_row_by_its_own_tokens(
    vllm_config: SimpleNamespace, automata: Automata, vocabulary: Vocabulary, num_drafts: int
) -> None:
    speculative = SimpleNamespace(num_speculative_tokens=num_drafts) if num_drafts else None
    config = SimpleNamespace(**vars(vllm_config) | {"speculative_config": speculative})
    runner = Runner(config, automata, seed=num_drafts)
    for _ in range(150):
        runner.step()
    assert len(runner.finished) > 15
    assert {reply.automaton for reply in runner.finished} == {found for _, found in automata}
    for reply in runner.finished:
        assert reply.budget is not None
        assert is_well_formed(vocabulary.decode(reply.token_ids))
        assert len(reply.token_ids) <= reply.budget.max_tokens


def test_a_resumed_reply_goes_on_where_it_was(
    vllm_config: SimpleNamespace, automata: Automata
) -> None:
    runner = Runner(vllm_config, automata, seed=0)
    answer, automaton = automata[1]
    reply = Reply(5, Budget(80, 60), automaton, answer)
    matcher = BatchMatcher(automaton, 1)
    matcher.set(0, Budget(80, 60))
    for _ in range(40):
        token_id = int(np.flatnonzero(matcher.find_masks(np.array([0]))[0].tokens)[0])
        matcher.accept(np.array([0]), np.array([token_id]))
        reply.token_ids.append(token_id)
    runner.add(reply)
    runner.enforcer.apply_staged_writes()
    context = runner.context([0], [(0, 0)], {0: []})
    logits = runner.enforcer.apply(torch.zeros(1, automaton.vocab_size), context)
    expected = matcher.find_masks(np.array([0]))[0].tokens
    assert np.array_equal(torch.isfinite(logits[0]).numpy(), expected)


def test_a_slot_taken_over_by_a_request_without_a_budget_is_free(
    vllm_config: SimpleNamespace, automata: Automata
) -> None:
    runner = Runner(vllm_config, automata, seed=0)
    automaton = automata[0][1]
    runner.add(Reply(3, Budget(80, 60), automaton))
    runner.add(Reply(3, Budget(80, 60), automaton))
    runner.enforcer.apply_staged_writes()
    del runner.replies[0]
    runner.add(Reply(4, None, automaton))
    runner.enforcer.apply_staged_writes()
    context = runner.context([1, 0], [(1, 0), (0, 0)], {0: [], 1: []})
    logits = runner.enforcer.apply(torch.zeros(2, automaton.vocab_size), context)
    assert not torch.isfinite(logits[0]).all()
    assert torch.isfinite(logits[1]).all()


def test_vllm_loads_it_by_name_and_refuses_bad_parameters_with_it() -> None:
    validate = build_custom_logits_processors_params_validator(
        ["decoding.adapters.vllm_v2:Enforcer"]
    )
    validate(params(Budget(60, 30)))
    with pytest.raises(VLLMValidationError, match="min_tokens"):
        validate(params(Budget(60, 30), min_tokens=3))


def test_a_request_for_whose_automaton_there_is_no_room_ends_at_once(
    vllm_config: SimpleNamespace, automata: Automata, caplog: pytest.LogCaptureFixture
) -> None:
    runner = Runner(vllm_config, automata, seed=0)
    answer, automaton = automata[1]
    runner.enforcer._matcher.arena.max_bytes = 1
    runner.add(Reply(3, Budget(80, 60), automaton, answer))
    runner.enforcer.apply_staged_writes()
    assert "no reply" in caplog.text
    assert int(runner.enforcer._replies.cursors[0, 0]) == BROKEN_STATE
    context = runner.context([0], [(0, 0)], {0: []})
    logits = runner.enforcer.apply(torch.zeros(1, automaton.vocab_size), context)
    legal = torch.isfinite(logits[0]).nonzero().flatten().tolist()
    assert legal == list(automaton.stop_token_ids)


@pytest.mark.gpu
def test_the_adapter_runs_on_the_device(automaton: Automaton, vllm_config: SimpleNamespace) -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs an NVIDIA GPU")
    here, there = (DeviceMatcher(automaton, torch.device(name)) for name in ("cpu", "cuda"))
    cursors = torch.tensor([here.cursor(Budget(60, 30)), here.cursor(Budget(12, 4))])
    draw = torch.Generator().manual_seed(0)
    for _ in range(12):
        logits = torch.randn(2, automaton.vocab_size, generator=draw)
        copy = logits.cuda()
        moved = cursors.cuda()
        torch.cuda.set_sync_debug_mode("error")  # no step may wait for the host
        there.forbid(copy, moved)
        torch.cuda.set_sync_debug_mode("default")
        here.forbid(logits, cursors)
        assert torch.equal(logits, copy.cpu())
        cursors = here.advance(cursors, logits.argmax(1))
