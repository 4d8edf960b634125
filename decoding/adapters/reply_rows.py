"""The rows of `generate`: where each reply stands, found from nothing but the rows of token ids.

Beams copy, reorder and drop rows between two calls, drafts grow and are taken back, and nobody
tells: a row goes on from the row of the last call that held the same tokens.
"""

from __future__ import annotations

import logging
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from decoding.automaton import Automaton
from decoding.budget import Budget
from decoding.cursor import FREE, Cursor
from decoding.masks import Mask, Masks

logger = logging.getLogger(__name__)

MAX_REWIND = 256  # tokens that a rejected draft may take back without a replay

Ids = npt.NDArray[np.int64]


class Place(NamedTuple):
    """Where a reply stands, and what may come next there."""

    cursor: Cursor
    mask: Mask


class ReplyRows:
    """The places of a batch's replies, row by row; one per logits processor.

    Law: the places are those of fresh matchers that took each row's tokens after the prompt. Only
    the work differs: one token a row where the rows go on from those of the last call.
    Without a prompt_length the prompt ends where the generation's first rows do, and a prompt that
    is the last one and more cannot be told from its reply: take an instance a generation.
    """

    def __init__(
        self, automaton: Automaton, budgets: tuple[Budget, ...], prompt_length: int | None
    ) -> None:
        """Take one budget, or one a prompt; replies begin at prompt_length, or where calls do."""
        self.automaton = automaton
        self.budgets = budgets
        self._prompt_length = prompt_length
        self._masks = Masks(automaton)
        self._closed = Place(Cursor(*FREE), self._masks.rows[self._masks.stop_row])
        self._begin(np.zeros((0, 0), np.int64))

    def follow(self, token_ids: Ids) -> list[Place]:
        """Return the place of each row; (rows, length) token ids, prompts and replies.

        Other prompts than those of the last call, or rows that grew by more than a token, begin a
        generation. A row whose tokens left the format is closed: it may only stop.
        """
        if not self._is_known(token_ids):
            self._begin(token_ids)
        parents = self._find_parents(token_ids)
        replies = token_ids[:, self._start :]
        length = replies.shape[1]
        before = self._path.get(length - 1)
        if parents is None or before is None:
            self._path.clear()
            places = [self._first(row, len(token_ids)) for row in range(len(token_ids))]
            for column in replies.T.tolist():
                places = self._advance(places, column)
        else:
            if parents != list(range(len(parents))):
                self._path.clear()
            places = self._advance([before[row] for row in parents], replies[:, -1].tolist())
        self._token_ids = token_ids
        self._path[length] = places
        self._path.pop(length - MAX_REWIND, None)
        return places

    def _begin(self, token_ids: Ids) -> None:
        """Forget the last generation; without a prompt_length the rows are prompts."""
        self._start = token_ids.shape[1] if self._prompt_length is None else self._prompt_length
        self._token_ids = token_ids
        self._path: dict[int, list[Place]] = {}  # length -> the places along `_token_ids`
        self._is_reported = False

    def _is_known(self, token_ids: Ids) -> bool:
        """Whether the rows may be of the same generation as those of the last call."""
        last = self._token_ids
        grown = token_ids.shape[1] - last.shape[1]
        return grown <= 1 and np.array_equal(token_ids[:, : self._start], last[:, : self._start])

    def _find_parents(self, token_ids: Ids) -> list[int] | None:
        """Return the row of the last call that each row goes on from, or None if one has none."""
        width = token_ids.shape[1] - 1
        last = self._token_ids
        if not self._start <= width <= last.shape[1]:
            return None
        before, known = token_ids[:, :width], last[:, :width]
        if np.array_equal(before, known):
            return list(range(len(known)))
        rows_per_budget = len(known) // len(self.budgets)
        row_of = {(row // rows_per_budget, ids.tobytes()): row for row, ids in enumerate(known)}
        keys = [(row // rows_per_budget, ids.tobytes()) for row, ids in enumerate(before)]
        return [row_of[key] for key in keys] if all(key in row_of for key in keys) else None

    def _first(self, row: int, num_rows: int) -> Place:
        """Return where the reply of a row starts; the rows of a prompt stand together."""
        budget = self.budgets[row * len(self.budgets) // num_rows]
        return self._place(Cursor.first(self.automaton, budget))

    def _place(self, cursor: Cursor) -> Place:
        return Place(cursor, self._masks.rows[self._masks.find(cursor)])

    def _advance(self, places: list[Place], token_ids: list[int]) -> list[Place]:
        """Return the places after one token each; log the first that left the format."""
        after = [self._step(*each) for each in zip(places, token_ids, strict=True)]
        if not self._is_reported and self._closed in after:
            self._is_reported = True
            logger.warning(
                "row %d left the format: closed, as beam sampling's candidates without "
                "probability are",
                after.index(self._closed),
            )
        return after

    def _step(self, place: Place, token_id: int) -> Place:
        """Return the place after a token; nothing moves a reply that is done or closed."""
        state = place.cursor.state
        if state < 0 or state == self.automaton.done:
            return place
        if not 0 <= token_id < self.automaton.vocab_size:
            return self._closed
        cursor = self._masks.stepper.advance(place.cursor, token_id)
        return self._closed if cursor.state < 0 else self._place(cursor)
