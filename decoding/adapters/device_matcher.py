"""The matcher's arithmetic in tensors: cursors advance and mask on the device, without the host.

The same law and the same cursors as `decoding.batch_matcher`, against which it is tested.
"""

from __future__ import annotations

import numpy as np
import torch

from decoding.adapters.admission import HUGE
from decoding.automaton import Automaton
from decoding.budget import Budget
from decoding.byte_dfa import Phase
from decoding.cursor import Cursor
from decoding.distances import FAR

STATE = 0


class DeviceMatcher:
    """The tables of one automaton on a device; immutable, shared by all rows.

    All cursors come as (n, 9) int64, columns as in Cursor. State -1 is a row that nothing is
    enforced for; the state after the last is that of a row that took an illegal token: it allows
    only the stop tokens.
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
        self._sentence = table(automaton.ends_sentence).bool()
        is_closing = np.isin(automaton.phases, (Phase.CLOSING, Phase.END))
        self._is_closing = table(np.pad(is_closing, (0, 1))).bool()
        stop = automaton.classes[automaton.stop_token_ids[0]]
        self._is_stop = table(np.arange(automaton.num_classes) == stop).bool()

    def cursor(self, budget: Budget) -> tuple[int, ...]:
        """Return the cursor of a reply before its first token."""
        return tuple(Cursor.first(self._automaton, budget))

    def advance(self, cursors: torch.Tensor, token_ids: torch.Tensor) -> torch.Tensor:
        """Return the (n, 9) cursors after one token each; (n,) integer token ids."""
        state, need, left, tokens, thinking, due, winding, reserve, soft = cursors.unbind(1)
        is_free = state < 0
        at = torch.where(is_free, self.broken, state)
        is_known = (token_ids >= 0) & (token_ids < self.vocab_size)
        known = torch.where(is_known, token_ids, 0)
        token_class = self._classes[known]
        after = torch.where(is_known, self._next[at, token_class], self.broken)
        opens = self._opens[at, token_class]
        tokens = tokens - 1
        thinking = thinking - self._thinks[at]
        is_near = torch.minimum(thinking, tokens - reserve) <= soft
        at_end = self._sentence[known] & (self._thinks[after] > 0)
        winding = winding | ((soft > 0) & is_near & at_end).long()
        need, left = (need - opens).clamp(min=0), left - opens
        columns = (after, need, left, tokens, thinking, (due - 1).clamp(min=0), winding)
        advanced = torch.stack([*columns, reserve, soft], dim=1)
        return torch.where(is_free[:, None], cursors, advanced)

    def legal(self, cursors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the classes that may come next, (n, C) bool, and a shortest token, (n,) int64."""
        columns = (column[:, None] for column in cursors.unbind(1))
        state, need, left, tokens, thinking, due, winding, reserve, _ = columns
        at = torch.where(state < 0, self.broken, state)
        row = at[:, 0]
        after, opens, closes = self._next[row], self._opens[row], self._closes[row]
        need_after = (need - opens).clamp(min=0)
        finish, close = self._finish[need_after, after], self._close[need_after, after]
        is_inside = self._inside[at]
        tokens = tokens - torch.where(is_inside, reserve, 0)
        ok = (after != self.broken) & (opens <= left) & ((closes == 0) | (need == 0))
        ok &= finish <= tokens - 1
        ok &= ~is_inside | (close <= thinking - self._thinks[at])
        is_out = close <= self._close[need, at] - self._thinks[at]
        ok = _prefer(ok, is_out | (winding == 0) | ~is_inside)
        ok = _prefer(ok, ~self._is_closing[after] | (finish + 1 >= due))
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


def _prefer(ok: torch.Tensor, wish: torch.Tensor) -> torch.Tensor:
    """Return what is also wished for, in rows where anything is."""
    both = ok & wish
    return torch.where(both.any(1, keepdim=True), both, ok)
