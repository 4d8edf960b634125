"""The matchers keep the law: every reply ends well-formed within its budget."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from decoding.automaton import Automaton
from decoding.budget import Budget, BudgetError
from decoding.masks import Masks
from decoding.matcher import BatchMatcher, Matcher
from decoding.vocabulary import Vocabulary
from tests.decoding.conftest import STOP
from tests.decoding.judge import is_well_formed, num_reflections


@pytest.fixture(scope="module")
def masks(automaton: Automaton) -> Masks:
    return Masks(automaton)


def random_budget(rng: random.Random, automaton: Automaton) -> Budget:
    need = rng.choice([0, 0, 1, 2, 5])
    answer = rng.choice([1, 1, 2, 9])
    return Budget(
        max_tokens=automaton.least_tokens(need) + answer - 1 + rng.choice([0, 1, 2, 5, 30, 200]),
        max_thinking_tokens=automaton.least_thinking_tokens(need) + rng.choice([0, 1, 3, 50]),
        min_reflections=need,
        max_reflections=need + rng.choice([0, 1, 4]),
        min_answer_tokens=answer,
    )


def test_every_random_reply_is_well_formed_within_its_budget(
    automaton: Automaton, vocabulary: Vocabulary, masks: Masks
) -> None:
    rng, draw = random.Random(3), np.random.default_rng(3)
    for _ in range(3000):
        budget = random_budget(rng, automaton)
        matcher = Matcher(automaton, budget, masks)
        tokens: list[int] = []
        answer_room = None
        while not matcher.is_terminated:
            legal = np.flatnonzero(matcher.allowed())
            tokens.append(int(draw.choice(legal)))
            assert matcher.accept(tokens[-1])
            if answer_room is None and matcher.is_answering:
                answer_room = budget.max_tokens - len(tokens)
        reply = vocabulary.decode(tokens)
        assert is_well_formed(reply), reply
        assert tokens[-1] == STOP
        assert len(tokens) == matcher.num_tokens <= budget.max_tokens
        assert matcher.num_thinking_tokens <= budget.max_thinking_tokens
        assert budget.min_reflections <= num_reflections(reply) <= budget.max_reflections
        assert matcher.num_reflections == num_reflections(reply)
        # a token may open the output and hold the first of the answer, hence one less
        assert answer_room is not None
        assert answer_room >= budget.min_answer_tokens


def test_the_walk_can_fail_without_the_budgets(
    automaton: Automaton, vocabulary: Vocabulary, masks: Masks
) -> None:
    draw = np.random.default_rng(3)
    matcher = Matcher(automaton, Budget(4000, 4000), masks)
    tokens = []
    for _ in range(30):
        tokens.append(int(draw.choice(np.flatnonzero(matcher.allowed()))))
        matcher.accept(tokens[-1])
    assert not is_well_formed(vocabulary.decode(tokens))


@pytest.mark.parametrize("need", range(4))
def test_the_least_budget_is_served_and_one_less_is_refused(
    automaton: Automaton, need: int
) -> None:
    tokens, thinking = automaton.least_tokens(need), automaton.least_thinking_tokens(need)
    draw = np.random.default_rng(0)
    for spare in range(3):
        matcher = Matcher(automaton, Budget(tokens + spare, thinking, need, need))
        while not matcher.is_terminated:
            assert matcher.accept(int(draw.choice(np.flatnonzero(matcher.allowed()))))
        assert matcher.num_tokens <= tokens + spare
    with pytest.raises(BudgetError, match=f"at least {tokens} "):
        Matcher(automaton, Budget(tokens - 1, thinking, need, need))
    with pytest.raises(BudgetError, match=f"at least {thinking} "):
        Matcher(automaton, Budget(tokens, thinking - 1, need, need))


def test_an_illegal_token_is_refused_and_changes_nothing(
    automaton: Automaton, vocabulary: Vocabulary
) -> None:
    matcher = Matcher(automaton, Budget(50, 20))
    before = matcher.allowed()
    for token in (STOP, -1, vocabulary.size, vocabulary.token_bytes.index(b"answer")):
        assert not matcher.allows(token)
        assert not matcher.accept(token)
    assert matcher.num_tokens == 0
    assert (matcher.allowed() == before).all()


def test_rollback_restores_every_earlier_point(automaton: Automaton, masks: Masks) -> None:
    draw = np.random.default_rng(5)
    matcher = Matcher(automaton, Budget(40, 20, 1, 3, 5), masks)
    points = []
    while not matcher.is_terminated:
        points.append((matcher.allowed(), matcher.num_thinking_tokens, matcher.budget_hits))
        matcher.accept(int(draw.choice(np.flatnonzero(matcher.allowed()))))
    for count in range(1, len(points) + 1):
        matcher.rollback(1)
        allowed, thinking, hits = points[-count]
        assert (matcher.allowed() == allowed).all()
        assert (matcher.num_thinking_tokens, matcher.budget_hits) == (thinking, hits)
    with pytest.raises(ValueError, match="cannot take back 1 of 0"):
        matcher.rollback(1)


def _ids(vocabulary: Vocabulary, *texts: bytes) -> list[int]:
    return [vocabulary.token_bytes.index(text) for text in texts]


def test_hits_tell_which_section_the_budget_ended(
    automaton: Automaton, vocabulary: Vocabulary
) -> None:
    think, text, close = _ids(vocabulary, b"<thinking>", b"answer", b"</thinking>\n<output>")
    end = _ids(vocabulary, b"</output>")[0]
    whole = (think, text, text, close, text, end, STOP)
    for tokens, thinking, reply, hits in [
        (50, 20, whole, set()),
        (50, 3, whole, {"thinking"}),
        (7, 20, whole, {"answer"}),
        (
            6,
            20,
            (think, text, text, close, *_ids(vocabulary, b"42</output>"), STOP),
            {"thinking", "answer"},
        ),
        (8, 20, (*whole[:5], text, end, STOP), {"answer"}),
    ]:
        matcher = Matcher(automaton, Budget(tokens, thinking))
        for token in reply:
            assert matcher.accept(token)
        assert matcher.is_terminated
        assert matcher.budget_hits == hits, (tokens, thinking)


def test_the_batch_and_the_single_matcher_agree_at_every_step(
    automaton: Automaton, masks: Masks
) -> None:
    rng, draw = random.Random(8), np.random.default_rng(8)
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
        for row, found in zip(rows, batch.find_masks(rows), strict=True):
            mask = batch.masks.rows[found]
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
    """Swap two rows, move one to a free row, and replay one from its tokens (preemption)."""
    first, second = rng.sample(sorted(live), 2)
    batch.swap(first, second)
    live[first], live[second] = live[second], live[first]
    histories[first], histories[second] = histories[second], histories[first]
    free = max(live) + 1
    if free < 16:
        batch.move(first, free)
        live[free], histories[free] = live.pop(first), histories.pop(first)
    replayed = rng.choice(sorted(live))
    batch.clear(replayed)
    batch.set(replayed, live[replayed].budget, histories[replayed])


def test_a_broken_row_allows_only_stop_tokens_and_hurts_no_other(automaton: Automaton) -> None:
    batch = BatchMatcher(automaton)
    for row in (0, 1):
        batch.set(row, Budget(30, 10))
    before = batch.mask(1)
    batch.accept(np.array([0]), np.array([ord("x")]))
    assert batch.is_broken(np.array([0, 1])).tolist() == [True, False]
    assert batch.mask(0).is_keep
    assert batch.mask(0).token_ids.tolist() == [STOP]
    assert batch.mask(1) is before
    batch.accept(np.array([1]), np.array([10**9]))
    assert batch.is_broken(np.array([1])).all()
