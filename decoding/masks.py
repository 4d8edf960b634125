"""The masks: which tokens may come next, one row per distinct set of legal classes.

Away from the end of a budget a row depends only on the state and on whether a reflection may or
must still open; near the end it is computed from the classes. Rows are shared by content: for
Llama 3 about 150 over all budgets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from decoding.automaton import Automaton
from decoding.budget import Budget
from decoding.distances import FAR

MAX_CACHED_KEYS = 200_000


class Cursor(NamedTuple):
    """Where a reply stands: all that the next mask depends on.

    need, left: reflections still required, still permitted; tokens: left of max_tokens, the
    answer's reserve taken off while the output has not opened; thinking: thinking tokens left.
    """

    state: int
    need: int
    left: int
    tokens: int
    thinking: int

    @classmethod
    def first(cls, automaton: Automaton, budget: Budget) -> Self:
        """Return where a reply with this budget starts."""
        return cls(
            automaton.start,
            budget.min_reflections,
            budget.max_reflections,
            budget.max_tokens - budget.reserve,
            budget.max_thinking_tokens,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """A set of token ids, written as the shorter of two lists.

    token_ids: (n,) int64, the ids to keep if `is_keep`, else the ids to forbid
    shortest: a legal token on the shortest way to the end, for rows that somebody else emptied
    """

    classes: npt.NDArray[np.bool_]
    is_keep: bool
    token_ids: npt.NDArray[np.int64]
    shortest: int


class Masks:
    """The mask rows of one automaton, computed once each; shared by its matchers.

    `rows[k]` is a Mask; `find` gives the k of a cursor. Row 0 keeps the stop tokens only: for
    replies that are done, and for those that an illegal token has broken (state -1).
    """

    def __init__(self, automaton: Automaton) -> None:
        """Prepare the far table; rows are filled as they are asked for."""
        self.automaton = automaton
        self.max_opens = int(automaton.opens.max())
        finish, close = automaton.finish, automaton.close
        self.horizon = np.where(finish < FAR, finish, 0).max(axis=1)
        self.thinking_horizon = np.where(close < FAR, close, 0).max(axis=1)
        self.rows: list[Mask] = []
        self._row_of: dict[bytes, int] = {}
        self._known: dict[Cursor, int] = {}
        stop_class = automaton.classes[automaton.stop_token_ids[0]]
        self.stop_row = self._row(np.arange(automaton.num_classes) == stop_class, stop_class)
        self._far = np.full((automaton.num_states, 2, self.max_opens + 1), -1, np.int64)

    def find(self, cursor: Cursor) -> int:
        """Return the number of the row for a cursor; never an empty row."""
        if cursor.state < 0 or cursor.state == self.automaton.done:
            return self.stop_row
        key = Cursor(
            cursor.state,
            cursor.need,
            min(cursor.left, self.max_opens),
            min(cursor.tokens, int(self.horizon[cursor.need]) + 1),
            min(cursor.thinking, int(self.thinking_horizon[cursor.need]) + 1),
        )
        row = self._known.get(key)
        if row is None:
            if len(self._known) >= MAX_CACHED_KEYS:
                self._known.clear()
            row = self._known[key] = self._compute(key)
        return row

    def find_all(self, cursors: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the row numbers of (n, 5) cursors, columns as in Cursor."""
        state, need, left, tokens, thinking = cursors.T
        closed = (state < 0) | (state == self.automaton.done)
        tight = (tokens <= self.horizon[need]) | (thinking <= self.thinking_horizon[need])
        far = (state, np.minimum(need, 1), np.clip(left, 0, self.max_opens))
        rows: npt.NDArray[np.int64] = self._far[far]
        rows[closed] = self.stop_row
        for at in np.flatnonzero((tight | (rows < 0)) & ~closed):
            rows[at] = self.find(Cursor(*cursors[at].tolist()))
            if not tight[at]:
                self._far[tuple(index[at] for index in far)] = rows[at]
        return rows

    def _compute(self, cursor: Cursor) -> int:
        automaton = self.automaton
        legal = automaton.legal(*cursor)
        if not legal.any():  # only where an illegal token was forced upon us: leave the quick way
            legal = automaton.next[cursor.state] >= 0
            ways = np.where(legal, automaton.finish[0, automaton.next[cursor.state]], FAR)
            legal = ways == ways.min()
        ways = automaton.finish[cursor.need, automaton.next[cursor.state]]
        return self._row(legal, int(np.where(legal, ways, 2 * FAR).argmin()))

    def _row(self, legal: npt.NDArray[np.bool_], shortest_class: int) -> int:
        key = legal.tobytes()
        row = self._row_of.get(key)
        if row is None:
            tokens = legal[self.automaton.classes]
            is_keep = 2 * int(tokens.sum()) < len(tokens)
            token_ids = np.flatnonzero(tokens if is_keep else ~tokens)
            shortest = int(self.automaton.representative[shortest_class])
            row = self._row_of[key] = len(self.rows)
            self.rows.append(Mask(legal, is_keep, token_ids, shortest))
        return row
