"""Whatever is done to matchers, they stand where a replay of their tokens stands."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from decoding.automaton import Automaton
from decoding.batch_matcher import BatchMatcher
from decoding.budget import Budget
from decoding.format import ReplyFormat
from decoding.grammars import dfa
from decoding.grammars.grammar import Chars, Join, Repeat, Text
from decoding.masks import Masks
from decoding.matcher import Matcher
from decoding.vocabulary import Vocabulary
from tests.decoding.budgets import random_budget
from tests.decoding.conftest import STOP, mixed_tokens

SEEDS = st.integers(0, 2**32)


@cache
def all_masks() -> tuple[Masks, ...]:
    """Return the masks of the free answer, of an optional thought, and of a constrained one."""
    vocabulary = Vocabulary(mixed_tokens())
    digits = Join((Text(b'{"n": '), Repeat(Chars(((0x30, 0x39),)), 1), Text(b"}")))
    return (
        Masks(Automaton.build(ReplyFormat(), vocabulary, [STOP])),
        Masks(Automaton.build(ReplyFormat(is_thinking_optional=True), vocabulary, [STOP])),
        Masks(Automaton.build(ReplyFormat(), vocabulary, [STOP], answer=dfa.compile(digits))),
    )


@dataclass
class Reply:
    matcher: Matcher
    token_ids: list[int]

    @property
    def budget(self) -> Budget:
        return self.matcher.budget


def draw_token(draw: np.random.Generator, matcher: Matcher) -> int:
    """Draw a legal token, often one that ends a sentence: those move the soft budget."""
    legal = matcher.allowed()
    ends = legal & matcher.automaton.ends_sentence
    is_end = ends.any() and draw.random() < 0.3
    return int(draw.choice(np.flatnonzero(ends if is_end else legal)))


class Matchers(RuleBasedStateMachine):
    """Replies in the rows of one batch, each beside a matcher of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.batch = BatchMatcher(all_masks()[0].automaton, 2)
        self.rows: dict[int, Reply] = {}

    @rule(seed=SEEDS, which=st.integers(0, 2), row=st.integers(0, 6))
    def start(self, seed: int, which: int, row: int) -> None:
        masks = all_masks()[which]
        budget = random_budget(random.Random(seed), masks.automaton, most=24)
        self.rows[row] = Reply(Matcher(masks.automaton, budget, masks), [])
        self.batch.set(row, budget, automaton=masks.automaton)

    @precondition(lambda self: self.rows)
    @rule(seed=SEEDS, count=st.integers(1, 12))
    def accept_legal_tokens(self, seed: int, count: int) -> None:
        draw = np.random.default_rng(seed)
        for _ in range(count):
            rows = [row for row, reply in self.rows.items() if not reply.matcher.is_terminated]
            token_ids = []
            for row in rows:
                reply = self.rows[row]
                token_ids.append(draw_token(draw, reply.matcher))
                assert reply.matcher.accept(token_ids[-1])
                reply.token_ids.append(token_ids[-1])
            if rows:
                self.batch.accept(np.array(rows), np.array(token_ids))

    @precondition(lambda self: self.rows)
    @rule(seed=SEEDS)
    def refuse_an_illegal_token(self, seed: int) -> None:
        rng = random.Random(seed)
        reply = self.rows[rng.choice(sorted(self.rows))]
        illegal = np.flatnonzero(~reply.matcher.allowed())
        assert not reply.matcher.accept(int(rng.choice(illegal)))

    @precondition(lambda self: self.rows)
    @rule(seed=SEEDS)
    def roll_back_and_resume(self, seed: int) -> None:
        rng = random.Random(seed)
        row = rng.choice(sorted(self.rows))
        reply = self.rows[row]
        count = rng.randint(0, len(reply.token_ids))
        reply.matcher.rollback(count)
        reply.token_ids = reply.token_ids[: len(reply.token_ids) - count]
        self.batch.set(row, reply.budget, reply.token_ids, reply.matcher.automaton)

    @rule(first=st.integers(0, 7), second=st.integers(0, 7))
    def swap(self, first: int, second: int) -> None:
        self.batch.swap(first, second)
        places = {first: second, second: first}
        self.rows = {places.get(row, row): reply for row, reply in self.rows.items()}

    @precondition(lambda self: self.rows)
    @rule(seed=SEEDS)
    def clear(self, seed: int) -> None:
        row = random.Random(seed).choice(sorted(self.rows))
        del self.rows[row]
        self.batch.clear(row)

    @invariant()
    def everything_stands_where_a_replay_stands(self) -> None:
        rows = np.array(sorted(self.rows), np.int64)
        assert not self.batch.is_broken(rows).any()
        for row, mask in zip(rows.tolist(), self.batch.find_masks(rows), strict=True):
            reply = self.rows[row]
            replayed = Matcher(reply.matcher.automaton, reply.budget, reply.matcher.masks)
            assert all(replayed.accept(token_id) for token_id in reply.token_ids)
            assert np.array_equal(mask.tokens, replayed.allowed())
            for name in ("mask", "num_tokens", "num_thinking_tokens", "num_reflections",
                         "budget_hits", "is_answering", "is_terminated"):  # fmt: skip
                assert getattr(reply.matcher, name) == getattr(replayed, name)


TestMatchers = Matchers.TestCase
TestMatchers.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
