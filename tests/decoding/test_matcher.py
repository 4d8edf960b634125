"""The matchers keep the law: every reply ends well-formed within its budget."""

from __future__ import annotations

import random

import numpy as np
import pytest

from decoding.automaton import Automaton
from decoding.budget import Budget, BudgetError
from decoding.masks import Masks
from decoding.matcher import Matcher
from decoding.vocabulary import Vocabulary
from tests.decoding.budgets import random_budget
from tests.decoding.conftest import STOP
from tests.decoding.judge import is_well_formed, num_reflections


@pytest.fixture(scope="module")
def masks(automaton: Automaton) -> Masks:
    return Masks(automaton)


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
        assert budget.min_tokens <= len(tokens) == matcher.num_tokens <= budget.max_tokens
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
