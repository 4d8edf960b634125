"""The device's arithmetic is BatchMatcher's, whatever the tokens and whichever the automata."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from decoding.adapters.device_matcher import BROKEN_STATE, FREE_ROW, SLOT, DeviceMatcher
from decoding.automaton import Automaton
from decoding.batch_matcher import BatchMatcher
from decoding.budget import Budget
from decoding.vocabulary import Vocabulary
from tests.decoding.adapters.constrained import automata_of
from tests.decoding.budgets import random_budget

ROWS = 48


@pytest.fixture(scope="module")
def automata(automaton: Automaton, vocabulary: Vocabulary) -> list[Automaton]:
    return automata_of(automaton, vocabulary)


@pytest.fixture(scope="module")
def device(automata: list[Automaton]) -> DeviceMatcher:
    matcher = DeviceMatcher(automata[0], torch.device("cpu"))
    assert [matcher.add(automaton) for automaton in automata] == [0, 1, 2]
    return matcher


def masked(device: DeviceMatcher, cursors: torch.Tensor) -> np.ndarray:
    logits = torch.zeros(len(cursors), device.vocab_size)
    device.forbid(logits, cursors)
    return torch.isfinite(logits).numpy()


@pytest.mark.parametrize("share_illegal", [0.0, 0.03])
def test_masks_equal_those_of_the_batch_matcher_on_random_walks(
    automata: list[Automaton], device: DeviceMatcher, share_illegal: float
) -> None:
    rng, draw = random.Random(1), np.random.default_rng(1)
    batch = BatchMatcher(automata[0], ROWS)
    rows = []
    for row in range(ROWS):
        slot = row % len(automata)
        budget = random_budget(rng, automata[slot], most=24)
        batch.set(row, budget, automaton=automata[slot])
        rows.append(device.cursor(budget, slot))
    cursors = torch.tensor(rows, dtype=torch.int32)
    for _ in range(90):
        legal = masked(device, cursors)
        masks = batch.find_masks(np.arange(ROWS))
        assert np.array_equal(legal, np.array([mask.tokens for mask in masks]))
        token_ids = np.array([draw.choice(np.flatnonzero(legal[row])) for row in range(ROWS)])
        wild = draw.random(ROWS) < share_illegal
        token_ids[wild] = draw.integers(-1, device.vocab_size + 2, wild.sum())
        batch.accept(np.arange(ROWS), token_ids)
        cursors = device.advance(cursors, torch.tensor(token_ids))
    done = torch.tensor([automata[slot].done for slot in cursors[:, SLOT].tolist()])
    is_broken = cursors[:, 0] == BROKEN_STATE
    assert is_broken.numpy().tolist() == batch.is_broken(np.arange(ROWS)).tolist()
    assert (cursors[:, 0] == done).all() if not share_illegal else is_broken.any()


def test_a_free_row_is_neither_moved_nor_masked(device: DeviceMatcher) -> None:
    cursors = torch.tensor([FREE_ROW] * 3)
    assert torch.equal(device.advance(cursors, torch.tensor([3, -1, 10**6])), cursors)
    logits = torch.tensor([float("nan"), float("inf"), -float("inf")])[:, None]
    logits = logits.repeat(1, device.vocab_size)
    before = logits.clone()
    device.forbid(logits, cursors)
    assert torch.equal(logits.nan_to_num(nan=7.0), before.nan_to_num(nan=7.0))


def test_a_broken_row_allows_only_the_stop_tokens(
    automata: list[Automaton], device: DeviceMatcher
) -> None:
    rows = [device.cursor(Budget(60, 30), slot) for slot in range(len(automata))]
    cursors = device.advance(torch.tensor(rows), torch.tensor([-1, 10**6, -5]))
    assert (cursors[:, 0] == BROKEN_STATE).all()
    for legal, automaton in zip(masked(device, cursors), automata, strict=True):
        assert np.flatnonzero(legal).tolist() == list(automaton.stop_token_ids)


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), float("inf")])
def test_a_row_that_somebody_emptied_gets_a_legal_way_out(
    automata: list[Automaton], device: DeviceMatcher, value: float
) -> None:
    for slot, automaton in enumerate(automata):
        least = automaton.least_tokens(1)
        budget = Budget(max_tokens=least, max_thinking_tokens=99, min_reflections=1)
        cursor = torch.tensor([device.cursor(budget, slot)])
        for _ in range(budget.max_tokens):
            logits = torch.full((1, device.vocab_size), value)
            legal = masked(device, cursor)
            device.forbid(logits, cursor)
            assert not logits.isnan().any()
            assert torch.isfinite(logits.softmax(1)).all()
            token = logits.argmax(1)
            assert legal[0, token]
            cursor = device.advance(cursor, token)
        assert cursor[0, 0] == automaton.done
