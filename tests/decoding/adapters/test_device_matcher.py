"""The device's arithmetic is BatchMatcher's, whatever the tokens."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from decoding.adapters.device_matcher import DeviceMatcher
from decoding.automaton import Automaton
from decoding.batch_matcher import BatchMatcher
from decoding.budget import Budget
from decoding.cursor import FREE
from tests.decoding.budgets import random_budget

ROWS = 32


@pytest.fixture(scope="module")
def device(automaton: Automaton) -> DeviceMatcher:
    return DeviceMatcher(automaton, torch.device("cpu"))


def masked(device: DeviceMatcher, cursors: torch.Tensor) -> np.ndarray:
    logits = torch.zeros(len(cursors), device.vocab_size)
    device.forbid(logits, cursors)
    return torch.isfinite(logits).numpy()


@pytest.mark.parametrize("share_illegal", [0.0, 0.03])
def test_masks_equal_those_of_the_batch_matcher_on_random_walks(
    automaton: Automaton, device: DeviceMatcher, share_illegal: float
) -> None:
    rng, draw = random.Random(1), np.random.default_rng(1)
    batch = BatchMatcher(automaton, ROWS)
    budgets = [random_budget(rng, automaton, most=24) for _ in range(ROWS)]
    for row, budget in enumerate(budgets):
        batch.set(row, budget)
    cursors = torch.tensor([device.cursor(budget) for budget in budgets])
    for _ in range(90):
        legal = masked(device, cursors)
        for row in range(ROWS):
            mask = batch.find_masks(np.array([row]))[0]
            assert np.array_equal(legal[row], mask.classes[automaton.classes])
        token_ids = np.array([draw.choice(np.flatnonzero(legal[row])) for row in range(ROWS)])
        wild = draw.random(ROWS) < share_illegal
        token_ids[wild] = draw.integers(-1, automaton.vocab_size + 2, wild.sum())
        batch.accept(np.arange(ROWS), token_ids)
        cursors = device.advance(cursors, torch.tensor(token_ids))
    ended = cursors[:, 0] == device.done
    assert ended.all() if not share_illegal else (cursors[:, 0] == device.broken).any()


def test_a_free_row_is_neither_moved_nor_masked(device: DeviceMatcher) -> None:
    cursors = torch.tensor([FREE, FREE])
    assert torch.equal(device.advance(cursors, torch.tensor([3, -1])), cursors)
    assert masked(device, cursors).all()
    empty = torch.full((2, device.vocab_size), -torch.inf)
    device.forbid(empty, cursors)
    assert torch.isneginf(empty).all()


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), float("inf")])
def test_a_row_that_somebody_emptied_gets_a_legal_way_out(
    automaton: Automaton, device: DeviceMatcher, value: float
) -> None:
    budget = Budget(max_tokens=automaton.least_tokens(1), max_thinking_tokens=99, min_reflections=1)
    cursor = torch.tensor([device.cursor(budget)])
    for _ in range(budget.max_tokens):
        logits = torch.full((1, device.vocab_size), value)
        legal = masked(device, cursor)
        device.forbid(logits, cursor)
        assert not logits.isnan().any()
        assert torch.isfinite(logits.softmax(1)).all()
        token = logits.argmax(1)
        assert legal[0, token]
        cursor = device.advance(cursor, token)
    assert cursor[0, 0] == device.done
