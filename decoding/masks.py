"""The masks: which tokens may come next, one row per distinct set of legal classes.

Away from the end of a budget a row depends only on the state and on whether a reflection may or
must still open; near the end it is computed from the classes. Rows are shared by content: for
Llama 3 about 150 over all budgets.
"""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt

from decoding.automaton import Automaton
from decoding.byte_dfa import Phase
from decoding.cursor import Cursor, Stepper
from decoding.distances import FAR

MAX_CACHED_KEYS = 100_000

DUE_ALWAYS_MET = 2  # the least tokens from the first that may close the output: it and EOS


class Mask:
    """A set of token ids, by classes and as the shorter of two lists; one per distinct set.

    classes: (C,) bool; legal: the same as bytes, for one class at a time
    shortest: a legal token on the shortest way to the end, for rows that somebody else emptied
    """

    __slots__ = (
        "__weakref__",
        "_token_ids",
        "automaton",
        "classes",
        "is_keep",
        "legal",
        "shortest",
    )

    def __init__(self, automaton: Automaton, classes: npt.NDArray[np.bool_], shortest: int) -> None:
        """Take the legal classes; the list of token ids is made when it is asked for."""
        self.automaton = automaton
        self.classes = classes
        self.legal = classes.tobytes()
        self.shortest = shortest
        self.is_keep = 2 * int(automaton.class_sizes[classes].sum()) < automaton.vocab_size
        self._token_ids: npt.NDArray[np.int64] | None = None

    @property
    def tokens(self) -> npt.NDArray[np.bool_]:
        """The legal token ids, (vocab,) bool."""
        return np.asarray(self.classes[self.automaton.classes])

    @property
    def token_ids(self) -> npt.NDArray[np.int64]:
        """The ids to keep if `is_keep`, else the ids to forbid; (n,) int64."""
        if self._token_ids is None:
            self._token_ids = np.flatnonzero(self.tokens if self.is_keep else ~self.tokens)
        return self._token_ids


class Masks:
    """The mask rows of one automaton, computed once each; shared by its matchers.

    A cursor's `rows[find(cursor)]` is its Mask. `stop_row` keeps the stop tokens only: for
    replies that are done, and for those that an illegal token has broken (state -1).
    """

    def __init__(self, automaton: Automaton) -> None:
        """Prepare the far table; rows are filled as they are asked for."""
        self.automaton = automaton
        self.stepper = Stepper(automaton)
        self.max_opens = int(automaton.opens.max())
        self.horizon = _horizon(automaton)
        self.thinking_horizon = np.where(automaton.close < FAR, automaton.close, 0).max(axis=1)
        self._horizon = [row.data for row in self.horizon]
        self._thinking_horizon = self.thinking_horizon.tolist()
        self._inside = automaton.inside.tolist()
        is_closing = np.isin(automaton.phases, (Phase.CLOSING, Phase.END))
        self.due_horizon = int(automaton.finish[0, is_closing].max(initial=0)) + 2
        self.rows: list[Mask] = []
        self._lock = threading.Lock()
        self._row_of: dict[bytes, int] = {}
        self._known: dict[tuple[int, ...], int] = {}
        stop_class = automaton.classes[automaton.stop_token_ids[0]]
        self.stop_row = self._row(np.arange(automaton.num_classes) == stop_class, stop_class)
        self._far = np.full((automaton.num_states, 2, self.max_opens + 1), -1, np.int64)
        self._far_list: list[int] = self._far.reshape(-1).tolist()

    def is_tight(self, cursor: Cursor) -> bool:
        """Whether the mask depends on more than the state and the reflections."""
        state, need, _, tokens, thinking, due, winding, reserve, _ = cursor
        if self._inside[state]:
            tokens -= reserve
        elif not due:  # in the answer no thinking is left to count
            return bool(tokens <= self._horizon[need][state])
        return bool(
            tokens <= self._horizon[need][state]
            or thinking <= self._thinking_horizon[need]
            or winding
            or due > DUE_ALWAYS_MET
        )

    def find(self, cursor: Cursor) -> int:
        """Return the number of the row for a cursor; never an empty row."""
        if cursor.state < 0:
            return self.stop_row
        return self.find_tight(cursor) if self.is_tight(cursor) else self.find_far(cursor)

    def find_far(self, cursor: Cursor) -> int:
        """Return the row for a cursor that is not tight."""
        state, need, left = cursor[:3]
        at = (2 * state + (need > 0)) * (self.max_opens + 1) + max(min(left, self.max_opens), 0)
        row = self._far_list[at]
        if row < 0:
            row = self._far_list[at] = self.find_tight(cursor)
            self._far.reshape(-1)[at] = row
        return row

    def find_tight(self, cursor: Cursor) -> int:
        """Return the row for a cursor, whatever is left."""
        state, need, left, tokens, thinking, due, winding, reserve, _ = cursor
        if state == self.automaton.done:
            return self.stop_row
        inside = self._inside[state]
        tokens -= reserve if inside else 0
        key = (
            state,
            need,
            min(left, self.max_opens),
            min(tokens, int(self._horizon[need][state]) + 1),
            min(thinking, int(self._thinking_horizon[need]) + 1) if inside else 0,
            min(due, self.due_horizon) if due > DUE_ALWAYS_MET else 0,
            winding if inside else 0,
        )
        row = self._known.get(key)
        if row is None:
            if len(self._known) >= MAX_CACHED_KEYS:
                self._known.clear()
            row = self._known[key] = self._compute(*key)
        return row

    def find_all(self, cursors: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the row numbers of (n, 9) cursors, columns as in Cursor."""
        state, need, left, tokens, thinking, due, winding, reserve, _ = cursors.T
        inside = self.automaton.inside[state]
        tight = tokens - reserve * inside <= self.horizon[need, state]
        tight |= inside & ((thinking <= self.thinking_horizon[need]) | (winding > 0))
        tight |= due > DUE_ALWAYS_MET
        at = (2 * state + (need > 0)) * (self.max_opens + 1) + np.clip(left, 0, self.max_opens)
        rows: npt.NDArray[np.int64] = self._far.reshape(-1)[at]
        broken = state < 0
        rows[broken] = self.stop_row
        for row in np.flatnonzero((tight | (rows < 0)) & ~broken).tolist():
            rows[row] = self.find(Cursor._make(cursors[row].tolist()))
        return rows

    def _compute(
        self, state: int, need: int, left: int, tokens: int, thinking: int, due: int, winding: int
    ) -> int:
        automaton = self.automaton
        if not automaton.inside[state]:
            thinking = 0
        legal = automaton.legal(state, need, left, tokens, thinking, due, is_winding=bool(winding))
        if not legal.any():  # only where an illegal token was forced upon us: leave the quick way
            legal = automaton.next[state] >= 0
            ways = np.where(legal, automaton.finish[0, automaton.next[state]], FAR)
            legal = ways == ways.min()
        ways = automaton.finish[need, automaton.next[state]]
        return self._row(legal, int(np.where(legal, ways, 2 * FAR).argmin()))

    def _row(self, legal: npt.NDArray[np.bool_], shortest_class: int) -> int:
        key = legal.tobytes()
        with self._lock:  # matchers of several threads may share the rows
            row = self._row_of.get(key)
            if row is None:
                shortest = int(self.automaton.representative[shortest_class])
                self.rows.append(Mask(self.automaton, legal, shortest))
                row = self._row_of[key] = len(self.rows) - 1
            return row


def _horizon(automaton: Automaton) -> npt.NDArray[np.int32]:
    """Return (needs, S) int32: with more tokens left than this, every way on suffices."""
    finish = np.where(automaton.finish < FAR, automaton.finish, 0)
    heads = np.flatnonzero(automaton.inside)
    entered = np.unique(automaton.next[heads])
    most = np.maximum(finish[:, heads].max(axis=1), finish[:, entered[entered >= 0]].max(axis=1))
    horizon = np.repeat(most[:, None] + 1, automaton.num_states, axis=1).astype(np.int32)
    rest = np.flatnonzero(~automaton.inside)
    after = automaton.next[rest]
    horizon[:, rest] = np.where(after >= 0, finish[0, after], 0).max(axis=1) + 1
    return np.ascontiguousarray(horizon)
