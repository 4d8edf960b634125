"""The V1 adapter: what vLLM does to a batch changes nothing in what a reply may say."""

from __future__ import annotations

import logging
import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from decoding.automaton import Automaton
from decoding.budget import Budget
from decoding.masks import Masks
from decoding.matcher import Matcher
from decoding.vocabulary import Vocabulary
from tests.decoding.adapters.conftest import params
from tests.decoding.budgets import random_budget
from tests.decoding.judge import is_well_formed

pytest.importorskip("vllm", reason="vLLM is not installed")

from vllm import SamplingParams
from vllm.exceptions import VLLMValidationError
from vllm.v1.sample.logits_processor import validate_logits_processors_parameters
from vllm.v1.sample.logits_processor.interface import BatchUpdate, MoveDirectionality

from decoding.adapters import admission
from decoding.adapters.vllm_v1 import Enforcer

Added = tuple[int, SimpleNamespace, None, list[int]]
Moved = tuple[int, int, MoveDirectionality]


@pytest.fixture
def enforcer(vllm_config: SimpleNamespace) -> Enforcer:
    return Enforcer(vllm_config, torch.device("cpu"), False)


def update(
    size: int,
    removed: list[int] | None = None,
    added: list[Added] | None = None,
    moved: list[Moved] | None = None,
) -> BatchUpdate:
    return BatchUpdate(size, removed or [], added or [], moved or [])


class Batch:
    """vLLM's persistent batch: rows that come, go, slide down and change places."""

    def __init__(self, enforcer: Enforcer, automaton: Automaton, seed: int) -> None:
        self.enforcer, self.automaton = enforcer, automaton
        self.masks = Masks(automaton)
        self.rng, self.draw = random.Random(seed), torch.Generator().manual_seed(seed)
        self.rows: list[tuple[Budget | None, list[int]]] = []
        self.preempted: list[tuple[Budget | None, list[int]]] = []
        self.finished: list[tuple[Budget, list[int]]] = []
        self.unresolved: list[tuple[list[int], int]] = []

    def change(self, max_rows: int = 6) -> BatchUpdate:
        """Finish, preempt, resume, add and reorder rows as vLLM does in one step."""
        rng = self.rng
        added: list[Added] = []
        moved: list[Moved] = []
        resumable, self.preempted = self.preempted, []
        free = [row for row in range(len(self.rows)) if self.leaves(row)]
        while len(self.rows) - len(free) < max_rows and rng.random() < 0.7:
            if resumable and rng.random() < 0.7:
                budget, token_ids = resumable.pop(rng.randrange(len(resumable)))
                reply = (budget, list(token_ids))  # a resumed reply comes with a list of its own
            else:
                is_enforced = rng.random() < 0.8
                reply = (random_budget(rng, self.automaton, most=24) if is_enforced else None, [])
            row = free.pop(0) if free else len(self.rows)
            if row == len(self.rows):
                self.rows.append(reply)
            self.rows[row] = reply
            added.append((row, params(reply[0]), None, reply[1]))
        self.preempted += resumable
        removed = list(free)
        while free:  # condense: the last row slides into the lowest gap
            last = len(self.rows) - 1
            if last in free:
                free.remove(last)
            else:
                gap = free.pop(0)
                self.rows[gap] = self.rows[last]
                moved.append((last, gap, MoveDirectionality.UNIDIRECTIONAL))
            self.rows.pop()
        if len(self.rows) > 1 and rng.random() < 0.3:
            first, second = rng.sample(range(len(self.rows)), 2)
            self.rows[first], self.rows[second] = self.rows[second], self.rows[first]
            moved.append((first, second, MoveDirectionality.SWAP))
        return update(len(self.rows), removed, added, moved)

    def leaves(self, row: int) -> bool:
        """Whether the row's reply is at its end, or is preempted or aborted now."""
        budget, token_ids = self.rows[row]
        stops = [at for at, t in enumerate(token_ids) if t in self.automaton.stop_token_ids]
        if stops and budget is not None:
            self.finished.append((budget, token_ids[: stops[0] + 1]))
        if stops or len(token_ids) > 200:
            return True
        if self.rng.random() < 0.97:
            return False
        if self.rng.random() < 0.8:
            self.preempted.append(self.rows[row])
        return True

    def step(self, *, is_async: bool) -> None:
        """Write one token in every row and compare each mask with that of a fresh matcher."""
        self.enforcer.update_state(self.change())
        for token_ids, token_id in self.unresolved:  # what async scheduling knows only now
            token_ids[-1] = token_id
        logits = torch.randn(len(self.rows), self.automaton.vocab_size, generator=self.draw)
        before = logits.clone()
        after = self.enforcer.apply(logits)
        for row, (budget, _) in enumerate(self.rows):
            if budget is None:
                assert torch.equal(after[row], before[row])
            else:
                assert np.array_equal(torch.isfinite(after[row]).numpy(), self.allowed(row))
        sampled = torch.multinomial(after.softmax(1), 1, generator=self.draw).flatten().tolist()
        self.unresolved = []
        for (_, token_ids), token_id in zip(self.rows, sampled, strict=True):
            token_ids.append(-1 if is_async else token_id)
            self.unresolved.append((token_ids, token_id))

    def allowed(self, row: int) -> np.ndarray:
        budget, token_ids = self.rows[row]
        assert budget is not None
        matcher = Matcher(self.automaton, budget, self.masks)
        for token_id in token_ids:
            assert matcher.accept(token_id)
        return matcher.allowed()


@pytest.mark.parametrize("is_async", [False, True])
def test_a_churning_batch_masks_every_row_by_its_own_tokens(
    enforcer: Enforcer, automaton: Automaton, vocabulary: Vocabulary, is_async: bool
) -> None:
    batch = Batch(enforcer, automaton, seed=5)
    for _ in range(200):
        batch.step(is_async=is_async)
    assert len(batch.finished) > 15
    for budget, token_ids in batch.finished:
        assert is_well_formed(vocabulary.decode(token_ids))
        assert len(token_ids) <= budget.max_tokens


def test_discarded_tokens_are_forgotten(enforcer: Enforcer, automaton: Automaton) -> None:
    budget = Budget(max_tokens=60, max_thinking_tokens=30)
    token_ids: list[int] = []
    enforcer.update_state(update(1, added=[(0, params(budget), None, token_ids)]))
    first = enforcer.apply(torch.zeros(1, automaton.vocab_size))
    token_ids.append(int(first[0].argmax()))
    enforcer.apply(torch.zeros(1, automaton.vocab_size))
    token_ids.clear()
    again = enforcer.apply(torch.zeros(1, automaton.vocab_size))
    assert torch.equal(first, again)


@pytest.mark.parametrize("wrong", [-1, 3, 10**6])
def test_a_row_with_a_wrong_or_unknown_token_is_closed_and_logged_once(
    enforcer: Enforcer, automaton: Automaton, caplog: pytest.LogCaptureFixture, wrong: int
) -> None:
    good, bad = params(Budget(60, 30)), params(Budget(60, 30))
    rows: list[Added] = [(0, bad, None, [wrong]), (1, good, None, []), (2, params(None), None, [])]
    enforcer.update_state(update(3, added=rows))
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            logits = enforcer.apply(torch.zeros(3, automaton.vocab_size))
    allowed = torch.isfinite(logits[0]).nonzero().flatten().tolist()
    assert allowed == list(automaton.stop_token_ids)
    untouched = Matcher(automaton, Budget(60, 30)).allowed()
    assert np.array_equal(torch.isfinite(logits[1]).numpy(), untouched)
    assert torch.isfinite(logits[2]).all()
    assert len(caplog.records) == 1
    assert "row 0" in caplog.text
    assert str(10**6) not in caplog.text


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), float("inf")])
def test_rows_without_a_finite_logit_still_end_well_formed(
    enforcer: Enforcer, automaton: Automaton, vocabulary: Vocabulary, value: float
) -> None:
    budget = Budget(automaton.least_tokens(1) + 5, 40, min_reflections=1)
    token_ids: list[int] = []
    enforcer.update_state(
        update(2, added=[(0, params(budget), None, token_ids), (1, params(None), None, [])])
    )
    while not token_ids or token_ids[-1] not in automaton.stop_token_ids:
        logits = torch.full((2, automaton.vocab_size), value)
        logits[:, 5] = float("nan")
        enforcer.apply(logits)
        assert torch.isfinite(logits[0].softmax(0)).all()
        assert logits[1, 5].isnan()
        token_ids.append(int(logits[0].argmax()))
    assert is_well_formed(vocabulary.decode(token_ids))
    assert len(token_ids) <= budget.max_tokens


def test_a_budget_that_cannot_end_well_is_logged_and_hurts_nobody(
    enforcer: Enforcer, automaton: Automaton, caplog: pytest.LogCaptureFixture
) -> None:
    enforcer.update_state(update(1, added=[(0, params(Budget(3, 2)), None, [])]))
    logits = enforcer.apply(torch.zeros(1, automaton.vocab_size))
    assert torch.isfinite(logits).any()
    assert "cannot end well" in caplog.text


@pytest.mark.parametrize(
    "bad",
    [
        params(None, extra_args={"reflection": 7}),
        params(None, extra_args={"reflection": {"max_token": 60}}),
        params(None, extra_args={"reflection": Budget(60, 30).to_dict() | {"max_tokens": "60"}}),
        params(Budget(60, 30), min_tokens=2),
        params(Budget(60, 30), ignore_eos=True),
        params(Budget(60, 30), thinking_token_budget=0),
        params(Budget(60, 30), structured_outputs=object()),
        params(Budget(60, 30), max_tokens=59),
    ],
)
def test_parameters_that_would_break_the_enforcement_are_refused(bad: SimpleNamespace) -> None:
    with pytest.raises(ValueError, match=r"must|cannot|exactly"):
        Enforcer.validate_params(bad)


def test_vllm_loads_it_by_name_and_refuses_bad_parameters_with_it() -> None:
    names = ["decoding.adapters.vllm_v1:Enforcer"]
    validate_logits_processors_parameters(names, params(Budget(60, 30)))
    with pytest.raises(VLLMValidationError, match="min_tokens"):
        validate_logits_processors_parameters(names, params(Budget(60, 30), min_tokens=3))


def test_good_parameters_pass() -> None:
    Enforcer.validate_params(params(None))
    Enforcer.validate_params(params(None, extra_args={"another": 1}, min_tokens=5))
    Enforcer.validate_params(params(Budget(60, 30), max_tokens=60, min_tokens=0, ignore_eos=False))


def test_what_is_at_odds_is_refused_under_vllms_own_names() -> None:
    asked = {"reflection": True}
    neutral = SamplingParams(max_tokens=60, extra_args=asked)
    assert all(hasattr(neutral, name) for name in admission.AT_ODDS)
    Enforcer.validate_params(neutral)
    for given in ({"stop": "a"}, {"min_tokens": 1}, {"ignore_eos": True}):
        with pytest.raises(ValueError, match="cannot be used"):
            Enforcer.validate_params(SamplingParams(max_tokens=60, extra_args=asked, **given))
