"""The matcher's arithmetic in tensors: cursors advance and mask on the device, without the host.

The same law and the same cursors as `decoding.matcher.BatchMatcher`, against which it is tested.
"""

from __future__ import annotations

import numpy as np
import torch

from decoding.adapters.admission import HUGE
from decoding.automaton import Automaton
from decoding.budget import Budget
from decoding.distances import FAR
from decoding.masks import Cursor
from decoding.matcher import LEFT, NEED, RESERVE, STATE, THINKING, TOKENS


class DeviceMatcher:
    """The tables of one automaton on a device; immutable, shared by all rows.

    A cursor is six integers as in BatchMatcher: state, need, left, tokens, thinking, reserve. All
    cursors come as (n, 6) int64. State -1 is a row that nothing is enforced for; the state after
    the last is that of a row that took an illegal token: it allows only the stop tokens.
    """

    def __init__(self, automaton: Automaton, device: torch.device) -> None:
        """Copy the tables, with one more row for the broken state."""
        self.broken = automaton.num_states
        self.done = automaton.done
        self.vocab_size = automaton.vocab_size
        self._automaton = automaton
        broken = np.full((1, automaton.num_classes), self.broken)
        after = np.where(automaton.next < 0, self.broken, automaton.next)

        def table(values: np.typing.ArrayLike) -> torch.Tensor:
            return torch.tensor(np.asarray(values, np.int64), device=device)

        self._classes = table(automaton.classes)
        self._next = table(np.concatenate([after, broken]))
        self._opens = table(np.pad(automaton.opens, ((0, 1), (0, 0))))
        self._closes = table(np.pad(automaton.closes, ((0, 1), (0, 0))))
        self._thinks = table(np.pad(automaton.thinks, (0, 1)))
        self._inside = table(np.pad(automaton.inside, (0, 1))).bool()
        self._finish = table(np.pad(automaton.finish, ((0, 0), (0, 1)), constant_values=FAR))
        self._close = table(np.pad(automaton.close, ((0, 0), (0, 1)), constant_values=FAR))
        self._representative = table(automaton.representative)
        stop = automaton.classes[automaton.stop_token_ids[0]]
        self._is_stop = table(np.arange(automaton.num_classes) == stop).bool()

    def cursor(self, budget: Budget) -> tuple[int, ...]:
        """Return the cursor of a reply before its first token."""
        return (*Cursor.first(self._automaton, budget), budget.reserve)

    def advance(self, cursors: torch.Tensor, token_ids: torch.Tensor) -> torch.Tensor:
        """Return the (n, 6) cursors after one token each; (n,) integer token ids."""
        state, need, left, tokens, thinking, reserve = cursors.unbind(1)
        is_free = state < 0
        at = torch.where(is_free, self.broken, state)
        is_known = (token_ids >= 0) & (token_ids < self.vocab_size)
        token_class = self._classes[torch.where(is_known, token_ids, 0)]
        after = torch.where(is_known, self._next[at, token_class], self.broken)
        opens = self._opens[at, token_class]
        opened = self._inside[at] & ~self._inside[after] & (after != self.broken)
        columns = {
            STATE: after,
            NEED: (need - opens).clamp(min=0),
            LEFT: left - opens,
            TOKENS: tokens - 1 + torch.where(opened, reserve, 0),
            THINKING: thinking - self._thinks[at],
            RESERVE: reserve,
        }
        advanced = torch.stack([columns[column] for column in range(6)], dim=1)
        return torch.where(is_free[:, None], cursors, advanced)

    def legal(self, cursors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the classes that may come next, (n, C) bool, and a shortest token, (n,) int64."""
        state, need, left, tokens, thinking, _ = (column[:, None] for column in cursors.unbind(1))
        at = torch.where(state < 0, self.broken, state)
        row = at[:, 0]
        after, opens, closes = self._next[row], self._opens[row], self._closes[row]
        need_after = (need - opens).clamp(min=0)
        finish = self._finish[need_after, after]
        ok = (after != self.broken) & (opens <= left) & ((closes == 0) | (need == 0))
        ok &= finish <= tokens - 1
        ok &= self._close[need_after, after] <= thinking - self._thinks[at]
        # Only where an illegal token was forced upon the row: leave the quick way.
        ways = self._finish[0][after]
        ok = torch.where(ok.any(1, keepdim=True), ok, ways == ways.amin(1, keepdim=True))
        ok = torch.where((at == self.broken) | (at == self.done), self._is_stop, ok)
        shortest = torch.where(ok, finish, 2 * FAR).argmin(1)
        return ok | (state < 0), self._representative[shortest]

    def forbid(self, logits: torch.Tensor, cursors: torch.Tensor) -> None:
        """Set what may not come next to -inf; (n, vocab) float logits, changed in place.

        A row left without a finite legal logit gets 0 at the shortest token, so that it can end.
        """
        legal, shortest = self.legal(cursors)
        torch.nan_to_num_(logits, nan=-torch.inf, posinf=HUGE, neginf=-torch.inf)
        logits.masked_fill_((~legal).index_select(1, self._classes), -torch.inf)
        is_dead = torch.isneginf(logits.amax(1)) & (cursors[:, STATE] >= 0)
        kept = logits.gather(1, shortest[:, None])
        logits.scatter_(1, shortest[:, None], kept.masked_fill_(is_dead[:, None], 0.0))
