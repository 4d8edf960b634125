"""The kernels do to the bit what the tensors of DeviceMatcher do; interpreted where no GPU is."""

from __future__ import annotations

import os
import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from decoding.adapters.device_matcher import (
    BROKEN_STATE,
    FREE_ROW,
    FREE_STATE,
    STATE,
    DeviceMatcher,
    Replies,
    Step,
)
from decoding.automaton import Automaton
from decoding.batch_matcher import BatchMatcher
from decoding.vocabulary import Vocabulary
from tests.decoding.adapters.constrained import automata_of
from tests.decoding.budgets import random_budget

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
if DEVICE.type == "cpu":
    os.environ["TRITON_INTERPRET"] = "1"  # read when Triton is imported

pytest.importorskip("triton", reason="Triton is not installed")

from decoding.adapters.kernels import enforce  # noqa: E402

REQUESTS, MAX_LEN, MAX_DRAFTS = 8, 256, 3
BLOCKS = {"class_block": 64, "token_block": 128}  # so that a row takes several of each
EMPTIED = float("nan"), float("-inf")


@pytest.fixture(scope="module")
def automata(automaton: Automaton, vocabulary: Vocabulary) -> list[Automaton]:
    return automata_of(automaton, vocabulary)


class Runner:
    """The tensors of a runner, and BatchMatcher beside them; some of the rows are free."""

    def __init__(self, automata: list[Automaton], seed: int, share_illegal: float) -> None:
        self.rng, self.draw = random.Random(seed), torch.Generator().manual_seed(seed)
        self.automata, self.share_illegal = automata, share_illegal
        self.device = DeviceMatcher(automata[0], DEVICE)
        for automaton in automata:
            self.device.add(automaton)
        self.batch = BatchMatcher(automata[0], 2 * REQUESTS)
        self.replies = Replies(
            torch.tensor([FREE_ROW] * REQUESTS, dtype=torch.int32, device=DEVICE),
            torch.zeros(REQUESTS, dtype=torch.int32, device=DEVICE),
            torch.zeros(REQUESTS, MAX_LEN, dtype=torch.int32, device=DEVICE),
            torch.zeros(REQUESTS, dtype=torch.int32, device=DEVICE),
        )
        self.starts: list[tuple] = [()] * REQUESTS
        self.written: list[list[int]] = [[] for _ in range(REQUESTS)]
        for request in range(REQUESTS):
            self.start(request)

    def start(self, request: int) -> None:
        """Give a place to a new request, which has written something legal before."""
        slot = self.rng.choice([0, 0, 0, 1, 1, 2, 2, len(self.automata)])
        self.written[request] = []
        self.starts[request] = ()
        if slot < len(self.automata):
            budget = random_budget(self.rng, self.automata[slot], most=24)
            self.starts[request] = (budget, self.automata[slot], slot)
            self.write(request, self.rng.randrange(24))
        self.feed(request)

    def write(self, request: int, most: int) -> None:
        """Write legal tokens, but not the last."""
        stop = self.automata[0].stop_token_ids
        while len(self.written[request]) < most:
            token_id = self.token_id(request, self.written[request], 0.0)
            if token_id in stop:
                return
            self.written[request].append(token_id)

    def feed(self, request: int) -> None:
        """Start a reply, or resume it, as after a preemption: the device takes its tokens again."""
        written = self.written[request]
        row: tuple[int, ...] = FREE_ROW
        self.batch.clear(request)
        if self.starts[request]:
            budget, automaton, slot = self.starts[request]
            row = self.device.cursor(budget, slot)
            self.batch.set(request, budget, written, automaton)
        prompt = self.rng.randrange(1, 5)
        self.replies.cursors[request] = torch.tensor(row, dtype=torch.int32)
        self.replies.scanned[request] = prompt
        self.replies.total[request] = prompt
        self.append(request, written)

    def append(self, request: int, token_ids: list[int]) -> None:
        start = int(self.replies.total[request])
        committed = torch.tensor(token_ids, dtype=torch.int32)
        self.replies.token_ids[request, start : start + len(token_ids)] = committed
        self.replies.total[request] += len(token_ids)

    def step(self) -> torch.Tensor:
        """Compare one step with drafts in some of the requests; return where the replies stand."""
        requests = self.rng.sample(range(REQUESTS), self.rng.randrange(1, REQUESTS + 1))
        drafts = [self.drafts(request) for request in requests]
        rows = [(r, at) for r, d in zip(requests, drafts, strict=True) for at in range(len(d) + 1)]
        fed = [token_id for d in drafts for token_id in (-7, *d)]
        columns = [request for request, _ in rows], [at for _, at in rows], fed
        first, second, third = (torch.tensor(c, dtype=torch.int32).to(DEVICE) for c in columns)
        step = Step(first, second, third, num_behind=MAX_LEN, num_drafts=MAX_DRAFTS)
        logits = self.logits(len(rows))
        there = logits.to(DEVICE, copy=True)
        other = replace(
            self.replies,
            cursors=self.replies.cursors.clone(),
            scanned=self.replies.scanned.clone(),
        )
        enforce(self.device.arena, there, other, step, **BLOCKS)
        masked = logits.to(DEVICE, copy=True)
        self.device.commit(self.replies, step)
        self.device.forbid(masked, self.device.drafted(self.replies, step))
        assert torch.equal(other.cursors, self.replies.cursors)
        assert torch.equal(other.scanned, self.replies.scanned)
        # NaN, which only a free row keeps, equals nothing
        assert torch.equal(there.nan_to_num(nan=-5.0), masked.nan_to_num(nan=-5.0))
        self.compare(rows, drafts, requests, there.cpu(), logits)
        for request, tokens in zip(requests, drafts, strict=True):
            self.commit(request, tokens)
        return self.replies.cursors[:, STATE].clone()

    def compare(
        self,
        rows: list[tuple[int, int]],
        drafts: list[list[int]],
        requests: list[int],
        masked: torch.Tensor,
        logits: torch.Tensor,
    ) -> None:
        """Hold every row to BatchMatcher's mask."""
        for row, (request, at) in enumerate(rows):
            if not self.starts[request]:
                assert torch.equal(masked[row].nan_to_num(nan=-5.0), logits[row].nan_to_num(-5.0))
                continue
            budget, automaton, _ = self.starts[request]
            fed = [*self.written[request], *drafts[requests.index(request)][:at]]
            self.batch.set(REQUESTS, budget, fed, automaton)
            legal = torch.from_numpy(self.batch.find_masks(np.array([REQUESTS]))[0].tokens)
            clean = logits[row].nan_to_num(nan=-torch.inf, posinf=1e30, neginf=-torch.inf)
            kept = torch.where(legal, clean, -torch.inf)
            if torch.isneginf(kept).all():
                at_last = torch.isfinite(masked[row])
                assert at_last.sum() == 1
                assert legal[at_last].all()
                assert masked[row][at_last] == 0
            else:
                assert torch.equal(masked[row], kept)

    def logits(self, num_rows: int) -> torch.Tensor:
        """Draw logits, of which some are NaN or infinite and some rows are emptied."""
        logits = torch.randn(num_rows, self.device.vocab_size, generator=self.draw)
        for value in (float("nan"), float("inf"), float("-inf")):
            logits[torch.rand(logits.shape, generator=self.draw) < 0.02] = value
        for row in range(num_rows):
            if self.rng.random() < 0.1:
                logits[row] = self.rng.choice(EMPTIED)
        return logits

    def token_id(self, request: int, written: list[int], share_illegal: float) -> int:
        """Draw a token, mostly a legal one."""
        if not self.starts[request] or self.rng.random() < share_illegal:
            return self.rng.randrange(-2, self.device.vocab_size + 3)
        budget, automaton, _ = self.starts[request]
        self.batch.set(REQUESTS, budget, written, automaton)
        legal = self.batch.find_masks(np.array([REQUESTS]))[0].tokens
        ends = legal & automaton.ends_sentence  # often, for they may end the thought
        is_end = ends.any() and self.rng.random() < 0.4
        return int(self.rng.choice(np.flatnonzero(ends if is_end else legal)))

    def drafts(self, request: int) -> list[int]:
        drafts: list[int] = []
        for _ in range(self.rng.randrange(MAX_DRAFTS + 1)):
            written = [*self.written[request], *drafts]
            drafts.append(self.token_id(request, written, self.share_illegal))
        return drafts

    def commit(self, request: int, drafts: list[int]) -> None:
        """Accept some of the drafts and one token more; then maybe preempt, or begin anew."""
        accepted = drafts[: self.rng.randrange(len(drafts) + 1)]
        written = [*self.written[request], *accepted]
        accepted.append(self.token_id(request, written, self.share_illegal))
        self.written[request] += accepted
        self.append(request, accepted)
        is_over = accepted[-1] in self.automata[0].stop_token_ids
        if (is_over and self.rng.random() < 0.7) or self.rng.random() < 0.4:
            self.start(request)
        elif self.rng.random() < 0.2:
            self.feed(request)


@pytest.mark.parametrize("share_illegal", [0.0, 0.1])
def test_steps_with_drafts_and_preemptions_equal_the_tensors_and_the_batch_matcher(
    automata: list[Automaton], share_illegal: float
) -> None:
    runner = Runner(automata, 3, share_illegal)
    states = torch.cat([runner.step() for _ in range(20)])
    assert (states == FREE_STATE).any()
    assert (states >= 0).any()
    assert (states == BROKEN_STATE).any() == (share_illegal > 0)


def test_a_step_without_rows_does_nothing(automata: list[Automaton]) -> None:
    runner = Runner(automata, 4, 0.0)
    none = torch.zeros(0, dtype=torch.int32, device=DEVICE)
    before = runner.replies.cursors.clone()
    logits = torch.zeros(0, runner.device.vocab_size, device=DEVICE)
    enforce(runner.device.arena, logits, runner.replies, Step(none, none, none, 1, 0))
    assert torch.equal(runner.replies.cursors, before)


@pytest.mark.gpu
def test_the_matcher_chooses_the_kernels_and_waits_for_nothing(automata: list[Automaton]) -> None:
    if DEVICE.type != "cuda":
        pytest.skip("needs an NVIDIA GPU")
    runner = Runner(automata, 5, 0.0)
    assert runner.device.has_kernels
    first = torch.arange(REQUESTS, dtype=torch.int32, device=DEVICE)
    step = Step(first, torch.zeros_like(first), first, MAX_LEN, 0)
    logits = torch.randn(REQUESTS, runner.device.vocab_size, device=DEVICE)
    runner.device.enforce(logits.clone(), runner.replies, step)  # compiles
    torch.cuda.set_sync_debug_mode("error")
    try:
        runner.device.enforce(logits, runner.replies, step)
    finally:
        torch.cuda.set_sync_debug_mode("default")
