"""The matchers: the cursor of one reply, and the cursors of a whole batch at once.

Both keep nothing but the tables' state and the budgets that are left, a pure function of the
tokens accepted: a preempted or moved request is replayed from its tokens.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from decoding.automaton import Automaton
from decoding.budget import Budget
from decoding.byte_dfa import Phase
from decoding.masks import Cursor, Mask, Masks

Hit = Literal["thinking", "answer"]

STATE, NEED, LEFT, TOKENS, THINKING, RESERVE = range(6)
FREE = (-1, 0, 0, 0, 0, 0)


class Matcher:
    """The cursor of one reply; one per reply.

    Law: from a budget that passed `Budget.check`, every sequence of accepted tokens can be
    continued to a well-formed reply within the budget, and `allowed` is never empty.
    """

    def __init__(self, automaton: Automaton, budget: Budget, masks: Masks | None = None) -> None:
        """Start a reply; raise BudgetError if the budget cannot end well. `masks` may be shared."""
        budget.check(automaton)
        self.automaton = automaton
        self.budget = budget
        self.masks = Masks(automaton) if masks is None else masks
        self._hits: frozenset[Hit] = frozenset()
        self._token_ids = array("i")
        self._cursor = Cursor.first(automaton, budget)
        self._note_hits()

    @property
    def is_terminated(self) -> bool:
        """Whether the reply has ended with a stop token."""
        return self._cursor.state == self.automaton.done

    @property
    def is_answering(self) -> bool:
        """Whether the output has opened."""
        return not self.automaton.inside[self._cursor.state]

    @property
    def num_tokens(self) -> int:
        """Tokens accepted so far."""
        return len(self._token_ids)

    @property
    def num_thinking_tokens(self) -> int:
        """Thinking tokens accepted so far."""
        return self.budget.max_thinking_tokens - self._cursor.thinking

    @property
    def num_reflections(self) -> int:
        """Reflections opened so far."""
        return self.budget.max_reflections - self._cursor.left

    @property
    def budget_hits(self) -> frozenset[Hit]:
        """The sections that the budget, not the model, brought to their end."""
        return self._hits

    def allows(self, token_id: int) -> bool:
        """Whether the token is legal now."""
        if not 0 <= token_id < self.automaton.vocab_size:
            return False
        return bool(self._mask.classes[self.automaton.classes[token_id]])

    def allowed(self) -> npt.NDArray[np.bool_]:
        """Return (vocab,) bool: the tokens that are legal now."""
        return np.asarray(self._mask.classes[self.automaton.classes])

    def accept(self, token_id: int) -> bool:
        """Take a token; return False, and stay where we are, if it is not legal now."""
        if not self.allows(token_id):
            return False
        automaton, cursor = self.automaton, self._cursor
        token_class = automaton.classes[token_id]
        opens = int(automaton.opens[cursor.state, token_class])
        state = int(automaton.next[cursor.state, token_class])
        opened = automaton.inside[cursor.state] and not automaton.inside[state]
        self._token_ids.append(token_id)
        self._cursor = Cursor(
            state,
            max(cursor.need - opens, 0),
            cursor.left - opens,
            cursor.tokens - 1 + (self.budget.reserve if opened else 0),
            cursor.thinking - int(automaton.thinks[cursor.state]),
        )
        self._note_hits()
        return True

    def rollback(self, count: int) -> None:
        """Take back the last `count` tokens; raise ValueError if there are fewer."""
        token_ids = self._token_ids
        if not 0 <= count <= len(token_ids):
            raise ValueError(f"cannot take back {count} of {len(token_ids)} tokens")
        again = Matcher(self.automaton, self.budget, self.masks)
        for token_id in token_ids[: len(token_ids) - count]:
            again.accept(token_id)
        self._hits, self._token_ids, self._cursor = again._hits, again._token_ids, again._cursor

    @property
    def _mask(self) -> Mask:
        return self.masks.rows[self.masks.find(self._cursor)]

    def _note_hits(self) -> None:
        """Note a section that now has no token to spare: it must take the shortest way out."""
        automaton, (state, need, _, tokens, thinking) = self.automaton, self._cursor
        if automaton.phases[state] >= Phase.END:
            return
        is_tight = automaton.finish[need, state] >= tokens
        if not automaton.inside[state]:
            self._hits |= {"answer"} if is_tight else set()
        elif is_tight or automaton.close[need, state] >= thinking:
            self._hits |= {"thinking"}


class BatchMatcher:
    """The cursors of a batch, by row; one per model runner. Rows never raise, and never mix.

    A token that is not legal (somebody else chose it) breaks its row: from then on the row allows
    only the stop tokens, so that it ends.
    """

    def __init__(self, automaton: Automaton, num_rows: int = 0) -> None:
        """Make `num_rows` free rows; rows beyond are added as they are set."""
        self.automaton = automaton
        self.masks = Masks(automaton)
        self._rows = np.full((max(num_rows, 1), len(FREE)), FREE, np.int64)

    def set(self, row: int, budget: Budget, token_ids: Sequence[int] = ()) -> None:
        """Start a reply in a row, or resume it after `token_ids`."""
        self._make_room(row)
        self._rows[row] = (*Cursor.first(self.automaton, budget), budget.reserve)
        at = np.array([row])
        for token_id in token_ids:
            self.accept(at, np.array([token_id]))

    def clear(self, row: int) -> None:
        """Free a row."""
        self._make_room(row)
        self._rows[row] = FREE

    def move(self, source: int, target: int) -> None:
        """Move a row over another; the source is free afterwards."""
        self._make_room(source, target)
        self._rows[target] = self._rows[source]
        self.clear(source)

    def swap(self, first: int, second: int) -> None:
        """Exchange two rows."""
        self._make_room(first, second)
        self._rows[[first, second]] = self._rows[[second, first]]

    def _make_room(self, *rows: int) -> None:
        while max(rows) >= len(self._rows):
            self._rows = np.concatenate([self._rows, np.full_like(self._rows, FREE)])

    def accept(self, rows: npt.NDArray[np.int64], token_ids: npt.NDArray[np.int64]) -> None:
        """Take one token in each of the distinct rows; both (n,)."""
        automaton = self.automaton
        state, need, left, tokens, thinking, reserve = self._rows[rows].T
        known = (token_ids >= 0) & (token_ids < automaton.vocab_size)
        token_class = automaton.classes[np.where(known, token_ids, 0)]
        after = np.where(known & (state >= 0), automaton.next[state, token_class], -1)
        opens = automaton.opens[state, token_class]
        opened = automaton.inside[state] & ~automaton.inside[after] & (after >= 0)
        self._rows[rows] = np.stack(
            [
                after,
                np.maximum(need - opens, 0),
                left - opens,
                tokens - 1 + np.where(opened, reserve, 0),
                thinking - automaton.thinks[state],
                reserve,
            ],
            axis=1,
        )

    def find_masks(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return (n,) indices into `masks.rows`, the mask of each row."""
        return self.masks.find_all(self._rows[rows, :RESERVE])

    def mask(self, row: int) -> Mask:
        """Return the mask of one row."""
        return self.masks.rows[int(self.find_masks(np.array([row]))[0])]

    def is_broken(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Return (n,) bool: the rows that took an illegal token, or are free."""
        return np.asarray(self._rows[rows, STATE] < 0)
