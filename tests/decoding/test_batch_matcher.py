"""The batch matcher is the matcher, many at once."""

from __future__ import annotations

import itertools
import random

import numpy as np

from decoding.automaton import Automaton
from decoding.batch_matcher import BatchMatcher
from decoding.budget import Budget
from decoding.masks import Masks
from decoding.matcher import Matcher
from tests.decoding.budgets import random_budget
from tests.decoding.conftest import STOP


def test_the_batch_and_the_single_matcher_agree_at_every_step(
    automaton: Automaton,
) -> None:
    rng, draw = random.Random(8), np.random.default_rng(8)
    masks = Masks(automaton)
    batch = BatchMatcher(automaton, 4)
    live: dict[int, Matcher] = {}
    histories: dict[int, list[int]] = {}
    compared = 0
    for step in range(1500):
        if len(live) < 12 and rng.random() < 0.3:
            row = next(row for row in itertools.count() if row not in live)
            live[row], histories[row] = Matcher(automaton, random_budget(rng, automaton), masks), []
            batch.set(row, live[row].budget)
        rows = np.array(sorted(live))
        if not len(rows):
            continue
        tokens = []
        for row, mask in zip(rows, batch.find_masks(rows), strict=True):
            allowed = live[row].allowed()
            dense = np.full(automaton.vocab_size, not mask.is_keep)
            dense[mask.token_ids] = mask.is_keep
            assert live[row].is_terminated or (dense == allowed).all()
            assert allowed[mask.shortest] or live[row].is_terminated
            tokens.append(int(draw.choice(np.flatnonzero(dense))))
            compared += 1
        batch.accept(rows, np.array(tokens))
        for row, token in zip(rows, tokens, strict=True):
            histories[row].append(token)
            if not live[row].is_terminated:
                assert live[row].accept(token)
            elif rng.random() < 0.5:
                del live[row]
                batch.clear(row)
        if step % 7 == 0 and len(live) > 1:
            _shuffle_rows(rng, batch, live, histories)
    assert compared > 5000


def _shuffle_rows(
    rng: random.Random,
    batch: BatchMatcher,
    live: dict[int, Matcher],
    histories: dict[int, list[int]],
) -> None:
    """Swap two rows, one with a free row, and replay one from its tokens (preemption)."""
    first, second = rng.sample(sorted(live), 2)
    batch.swap(first, second)
    live[first], live[second] = live[second], live[first]
    histories[first], histories[second] = histories[second], histories[first]
    free = max(live) + 1
    if free < 16:
        batch.swap(first, free)
        live[free], histories[free] = live.pop(first), histories.pop(first)
    replayed = rng.choice(sorted(live))
    batch.clear(replayed)
    batch.set(replayed, live[replayed].budget, histories[replayed])


def test_a_broken_row_allows_only_stop_tokens_and_hurts_no_other(automaton: Automaton) -> None:
    batch = BatchMatcher(automaton)
    for row in (0, 1):
        batch.set(row, Budget(30, 10))
    _, before = batch.find_masks(np.array([0, 1]))
    batch.accept(np.array([0]), np.array([ord("x")]))
    assert batch.is_broken(np.array([0, 1])).tolist() == [True, False]
    broken, other = batch.find_masks(np.array([0, 1]))
    assert broken.is_keep
    assert broken.token_ids.tolist() == [STOP]
    assert broken is batch.stop_mask(1)
    assert other is before
    batch.accept(np.array([1]), np.array([10**9]))
    assert batch.is_broken(np.array([1])).all()
