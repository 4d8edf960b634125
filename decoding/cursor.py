"""The cursor: where a reply stands, all that the next mask depends on, and how a token moves it."""

from __future__ import annotations

from typing import NamedTuple, Self

from decoding.automaton import Automaton
from decoding.budget import Budget

FREE = (-1, 0, 0, 0, 0, 0, 0, 0, 0)


class Cursor(NamedTuple):
    """Nine integers; a state of -1 is a reply that left the format, or none.

    need, left: reflections still required, still permitted; tokens: left of max_tokens; thinking:
    thinking tokens left; due: tokens that must still come; winding: 1 once the thought is on its
    way out; reserve: tokens that thinking must leave beside the shortest way to the end; soft:
    with so many tokens left or fewer, the end of a sentence is the end of the thought.
    """

    state: int
    need: int
    left: int
    tokens: int
    thinking: int
    due: int
    winding: int
    reserve: int
    soft: int

    @classmethod
    def first(cls, automaton: Automaton, budget: Budget) -> Self:
        """Return where a reply with this budget starts."""
        return cls(
            state=budget.start(automaton),
            need=budget.min_reflections,
            left=budget.max_reflections,
            tokens=budget.max_tokens,
            thinking=budget.max_thinking_tokens,
            due=budget.min_tokens,
            winding=0,
            reserve=budget.reserve,
            soft=budget.soft_tokens,
        )


class Stepper:
    """The automaton's tables for one cursor at a time, as plain buffers; shared by matchers."""

    __slots__ = ("_classes", "_closes", "_inside", "_next", "_num_classes", "_opens", "_sentence",
                 "_thinks", "vocab_size")  # fmt: skip

    def __init__(self, automaton: Automaton) -> None:
        """View the tables; nothing large is copied."""
        self.vocab_size = automaton.vocab_size
        self._num_classes = automaton.num_classes
        self._classes = automaton.classes.data
        self._next = automaton.next.reshape(-1).data
        self._opens = automaton.opens.reshape(-1).data
        self._thinks = automaton.thinks.tolist()
        self._inside = automaton.inside.tolist()
        self._sentence = automaton.ends_sentence.data

    def token_class(self, token_id: int) -> int:
        """Return the class of a known token id."""
        return self._classes[token_id]

    def follow(self, cursor: Cursor, token_id: int) -> Cursor:
        """Return the cursor after any token; one that is not legal breaks it."""
        is_known = cursor.state >= 0 and 0 <= token_id < self.vocab_size
        return self.advance(cursor, token_id) if is_known else cursor._replace(state=-1)

    def advance(self, cursor: Cursor, token_id: int) -> Cursor:
        """Return the cursor after a known token; its state is -1 if the byte DFA has no way on."""
        state, need, left, tokens, thinking, due, winding, reserve, soft = cursor
        at = state * self._num_classes + self._classes[token_id]
        after = self._next[at]
        opens = self._opens[at]
        tokens -= 1
        if self._thinks[state]:
            thinking -= 1
        if opens:
            need, left = max(need - opens, 0), left - opens
        if due:
            due -= 1
        if soft and not winding and self._thinks[after] and self._sentence[token_id]:
            winding = int(min(thinking, tokens - reserve) <= soft)
        return Cursor(after, need, left, tokens, thinking, due, winding, reserve, soft)
