"""The batch matcher: the cursors of a whole batch at once, vectorised."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from decoding.automaton import Automaton
from decoding.budget import Budget
from decoding.cursor import FREE, Cursor
from decoding.masks import Mask, Masks

MAX_IDLE_AUTOMATA = 16
FEW_ROWS = 8  # up to so many, one by one is faster than vectorised

Rows = npt.NDArray[np.int64]


class BatchMatcher:
    """The cursors of a batch, by row; one per model runner. Rows never raise, and never mix.

    Each row follows an automaton: `automaton`, or that of its constraint. A token that is not
    legal (somebody else chose it) breaks its row: from then on the row allows only the stop
    tokens, so that it ends.
    """

    def __init__(self, automaton: Automaton, num_rows: int = 0) -> None:
        """Make `num_rows` free rows; rows beyond are added as they are set."""
        self.automaton = automaton
        self._slots: dict[int, Masks] = {0: Masks(automaton)}  # in the order of their last use
        self._rows = np.full((max(num_rows, 1), len(FREE)), FREE, np.int64)
        self._slot_of = np.zeros(len(self._rows), np.int64)

    def set(
        self,
        row: int,
        budget: Budget,
        token_ids: Sequence[int] = (),
        automaton: Automaton | None = None,
    ) -> None:
        """Start a reply in a row, or resume it after `token_ids`."""
        self.clear(row)
        followed = self.automaton if automaton is None else automaton
        self._slot_of[row] = self._slot(followed)
        self._rows[row] = Cursor.first(followed, budget)
        at = np.array([row])
        for token_id in token_ids:
            self.accept(at, np.array([token_id]))

    def clear(self, row: int) -> None:
        """Free a row."""
        self._make_room(row)
        self._rows[row] = FREE
        self._slot_of[row] = 0

    def swap(self, first: int, second: int) -> None:
        """Exchange two rows."""
        self._make_room(first, second)
        for table in (self._rows, self._slot_of):
            table[[first, second]] = table[[second, first]]

    def accept(self, rows: Rows, token_ids: Rows) -> None:
        """Take one token in each of the distinct rows; both (n,)."""
        if len(rows) <= FEW_ROWS:
            for row, token_id in zip(rows.tolist(), token_ids.tolist(), strict=True):
                self._rows[row] = self._masks(row).stepper.follow(self._cursor(row), token_id)
            return
        for masks, at in self._groups(rows):
            self._rows[rows[at]] = _advance(masks.automaton, self._rows[rows[at]], token_ids[at])

    def find_masks(self, rows: Rows) -> list[Mask]:
        """Return the mask of each row."""
        if len(rows) <= FEW_ROWS:
            found_masks = ((self._masks(row), self._cursor(row)) for row in rows.tolist())
            return [masks.rows[masks.find(cursor)] for masks, cursor in found_masks]
        found: list[Mask | None] = [None] * len(rows)
        for masks, at in self._groups(rows):
            numbers = masks.find_all(self._rows[rows[at]]).tolist()
            if len(at) == len(rows):
                return [masks.rows[number] for number in numbers]
            for position, number in zip(at.tolist(), numbers, strict=True):
                found[position] = masks.rows[number]
        return [mask for mask in found if mask is not None]

    def stop_mask(self, row: int) -> Mask:
        """Return the mask that lets a row only end."""
        masks = self._masks(row)
        return masks.rows[masks.stop_row]

    def is_broken(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Return (n,) bool: the rows that took an illegal token, or are free."""
        return np.asarray(self._rows[rows, 0] < 0)

    def _masks(self, row: int) -> Masks:
        return self._slots[int(self._slot_of[row])]

    def _cursor(self, row: int) -> Cursor:
        return Cursor._make(self._rows[row].tolist())

    def _groups(self, rows: Rows) -> list[tuple[Masks, Rows]]:
        """Return the masks that rows follow, with the positions of those rows."""
        slots = self._slot_of[rows]
        if not len(rows) or (slots == slots[0]).all():
            return [(self._slots[int(slots[0])], np.arange(len(rows)))] if len(rows) else []
        order = np.argsort(slots, kind="stable")
        found, first = np.unique(slots[order], return_index=True)
        parts = np.split(order, first[1:])
        return [(self._slots[int(slot)], at) for slot, at in zip(found, parts, strict=True)]

    def _slot(self, automaton: Automaton) -> int:
        """Return the slot of an automaton; those that no row has followed for long are dropped."""
        for slot, masks in self._slots.items():
            if masks.automaton is automaton:
                self._slots[slot] = self._slots.pop(slot)
                return slot
        in_use = {0, *self._slot_of.tolist()}
        idle = [slot for slot in self._slots if slot not in in_use]
        for slot in idle[: max(0, len(idle) - MAX_IDLE_AUTOMATA + 1)]:
            del self._slots[slot]
        slot = max(self._slots) + 1
        self._slots[slot] = Masks(automaton)
        return slot

    def _make_room(self, *rows: int) -> None:
        while max(rows) >= len(self._rows):
            self._rows = np.concatenate([self._rows, np.full_like(self._rows, FREE)])
            self._slot_of = np.concatenate([self._slot_of, np.zeros_like(self._slot_of)])


def _advance(
    automaton: Automaton, cursors: npt.NDArray[np.int64], token_ids: Rows
) -> npt.NDArray[np.int64]:
    """Return the (n, 9) cursors after one token each; as Stepper.advance does one."""
    state, need, left, tokens, thinking, due, winding, reserve, soft = cursors.T
    known = (token_ids >= 0) & (token_ids < automaton.vocab_size)
    token_id = np.where(known, token_ids, 0)
    token_class = automaton.classes[token_id]
    after = np.where(known & (state >= 0), automaton.next[state, token_class], -1)
    opens = automaton.opens[state, token_class]
    moved = np.empty_like(cursors)
    moved[:, 0] = after
    moved[:, 1] = np.maximum(need - opens, 0)
    moved[:, 2] = left - opens
    moved[:, 3] = tokens - 1
    moved[:, 4] = thinking - automaton.thinks[state]
    moved[:, 5] = np.maximum(due - 1, 0)
    is_near = np.minimum(moved[:, 4], tokens - 1 - reserve) <= soft
    at_end = automaton.ends_sentence[token_id] & automaton.thinks[after] & (after >= 0)
    moved[:, 6] = winding | ((soft > 0) & is_near & at_end)
    moved[:, 7] = reserve
    moved[:, 8] = soft
    return moved
