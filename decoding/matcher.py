"""The matcher: the cursor of one reply.

It keeps nothing but where it stands and the tokens accepted, of which that is a pure function: a
preempted or moved request is replayed from its tokens.
"""

from __future__ import annotations

from array import array
from typing import Literal

import numpy as np
import numpy.typing as npt

from decoding.automaton import Automaton
from decoding.budget import Budget
from decoding.byte_dfa import Phase
from decoding.cursor import Cursor
from decoding.masks import Mask, Masks

Hit = Literal["thinking", "answer"]


class Matcher:
    """The cursor of one reply; one per reply.

    Law: from a budget that passed `Budget.check`, every sequence of accepted tokens can be
    continued to a well-formed reply within the budget, and `mask` is never empty.
    """

    __slots__ = (
        "_cursor",
        "_hits",
        "_stepper",
        "_token_ids",
        "automaton",
        "budget",
        "mask",
        "masks",
    )

    def __init__(self, automaton: Automaton, budget: Budget, masks: Masks | None = None) -> None:
        """Start a reply; raise BudgetError if the budget cannot end well. `masks` may be shared."""
        budget.check(automaton)
        self.automaton = automaton
        self.budget = budget
        self.masks = Masks(automaton) if masks is None else masks
        self._stepper = self.masks.stepper
        self._hits: frozenset[Hit] = frozenset()
        self._token_ids = array("i")
        self._stand(Cursor.first(automaton, budget))

    def _stand(self, cursor: Cursor) -> None:
        masks, self._cursor = self.masks, cursor
        if masks.is_tight(cursor):
            row = masks.find_tight(cursor)
            self._note_hits()
        else:
            row = masks.find_far(cursor)
        self.mask: Mask = masks.rows[row]

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
        stepper = self._stepper
        if not 0 <= token_id < stepper.vocab_size:
            return False
        return bool(self.mask.legal[stepper.token_class(token_id)])

    def allowed(self) -> npt.NDArray[np.bool_]:
        """Return (vocab,) bool: the tokens that are legal now."""
        return self.mask.tokens

    def accept(self, token_id: int) -> bool:
        """Take a token; return False, and stay where we are, if it is not legal now."""
        if not self.allows(token_id):
            return False
        self._token_ids.append(token_id)
        self._stand(self._stepper.advance(self._cursor, token_id))
        return True

    def rollback(self, count: int) -> None:
        """Take back the last `count` tokens; raise ValueError if there are fewer."""
        token_ids = self._token_ids
        if not 0 <= count <= len(token_ids):
            raise ValueError(f"cannot take back {count} of {len(token_ids)} tokens")
        again = Matcher(self.automaton, self.budget, self.masks)
        for token_id in token_ids[: len(token_ids) - count]:
            again.accept(token_id)
        self._hits, self._token_ids = again._hits, again._token_ids
        self._cursor, self.mask = again._cursor, again.mask

    def _note_hits(self) -> None:
        """Note a section that now has no token to spare, or is on its way out."""
        automaton, cursor = self.automaton, self._cursor
        state, need = cursor.state, cursor.need
        if automaton.phases[state] >= Phase.END:
            return
        if not automaton.inside[state]:
            if automaton.finish[need, state] >= cursor.tokens:
                self._hits |= {"answer"}
        elif (
            automaton.finish[need, state] >= cursor.tokens - cursor.reserve
            or automaton.close[need, state] >= cursor.thinking
            or cursor.winding
        ):
            self._hits |= {"thinking"}
