"""The matcher's arithmetic in tensors: cursors advance and mask on the device, without the host.

The same law and the same cursors as `decoding.batch_matcher`, against which it is tested. On an
NVIDIA GPU with Triton two kernels do the work of a step (`decoding.adapters.kernels`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from importlib.util import find_spec

import torch

from decoding.adapters.admission import HUGE
from decoding.adapters.arena import CLOSING, INSIDE, NEEDS, THINKS, Arena, Info
from decoding.automaton import Automaton
from decoding.budget import Budget
from decoding.cursor import FREE, Cursor
from decoding.distances import FAR

STATE, SLOT = 0, 9  # columns of a row
FREE_STATE, BROKEN_STATE = -1, -2
FREE_ROW = (*FREE, 0)
BROKEN_ROW = (BROKEN_STATE, *FREE_ROW[1:])
CHUNK = 32  # rows masked at a time, to bound the memory


@dataclass(frozen=True, slots=True)
class Replies:
    """Where the replies of a model runner's R requests stand, on the device; one per runner.

    cursors: (R, 10) int32; scanned: (R,) int32, tokens of the sequence that the cursor has taken
    token_ids: (R, max_len) int32 and total: (R,) int32, the committed sequences; the runner's own
    """

    cursors: torch.Tensor
    scanned: torch.Tensor
    token_ids: torch.Tensor
    total: torch.Tensor


@dataclass(frozen=True, slots=True)
class Step:
    """The logits rows of one step: a request has one, and one more after each of its drafts.

    requests: (rows,) int32, the request of a row; offsets: (rows,) int32, its place among the
    rows of its request; input_ids: (rows,) int32, the token read at the row, a draft where the
    offset is not 0; num_behind, num_drafts: the most committed tokens that a cursor has yet to
    take, and the most drafts; known to the host.
    """

    requests: torch.Tensor
    offsets: torch.Tensor
    input_ids: torch.Tensor
    num_behind: int
    num_drafts: int


class DeviceMatcher:
    """The arithmetic over the tables of an arena, for rows that follow different automata.

    A row is a cursor with the slot of its automaton: (n, 10) integers, columns as in Cursor. State
    -1 is a row that nothing is enforced for; -2 one that took an illegal token: it allows only the
    stop tokens.
    """

    def __init__(self, automaton: Automaton, device: torch.device) -> None:
        """Make an arena with the automaton in slot 0."""
        self.arena = Arena(automaton, device)
        self.vocab_size = automaton.vocab_size
        self.has_kernels = device.type == "cuda" and find_spec("triton") is not None

    def add(self, automaton: Automaton, in_use: Collection[int] = ()) -> int:
        """Return the slot of an automaton, uploading a new one; as `Arena.add`."""
        return self.arena.add(automaton, in_use)

    def cursor(self, budget: Budget, slot: int = 0) -> tuple[int, ...]:
        """Return the row of a reply before its first token."""
        return (*Cursor.first(self.arena.automaton(slot), budget), slot)

    def enforce(self, logits: torch.Tensor, replies: Replies, step: Step) -> None:
        """Take what was committed, and mask each row after the drafts up to it, in place.

        logits: (rows, vocab) float; nothing waits for the host.
        """
        if self.has_kernels:
            from decoding.adapters.kernels import enforce

            enforce(self.arena, logits, replies, step)
        else:
            self.commit(replies, step)
            self.forbid(logits, self.drafted(replies, step))

    def commit(self, replies: Replies, step: Step) -> None:
        """Let the cursors of a step's requests take what was committed since."""
        requests = step.requests.long()
        cursors, scanned = replies.cursors[requests], replies.scanned[requests]
        total = replies.total[requests]
        last = replies.token_ids.shape[1] - 1
        for _ in range(step.num_behind):
            token_ids = replies.token_ids[requests, scanned.clamp(max=last).long()]
            is_new = (scanned < total) & (cursors[:, STATE] != FREE_STATE)
            cursors = torch.where(is_new[:, None], self.advance(cursors, token_ids), cursors)
            scanned = scanned + is_new.to(scanned.dtype)
        replies.cursors[requests] = cursors  # the rows of a request agree
        replies.scanned[requests] = scanned

    def drafted(self, replies: Replies, step: Step) -> torch.Tensor:
        """Return (rows, 10): the cursor of each row's request after the drafts up to that row."""
        cursors = replies.cursors[step.requests.long()]
        num_rows, offsets = len(cursors), step.offsets.long()
        first = torch.arange(num_rows, device=cursors.device) - offsets
        for place in range(1, step.num_drafts + 1):
            token_ids = step.input_ids[(first + place).clamp(max=num_rows - 1)]
            advanced = self.advance(cursors, token_ids)
            cursors = torch.where((offsets >= place)[:, None], advanced, cursors)
        return cursors

    def advance(self, cursors: torch.Tensor, token_ids: torch.Tensor) -> torch.Tensor:
        """Return the (n, 10) rows after one token each; (n,) integer token ids."""
        arena = self.arena
        columns = cursors.long().unbind(1)
        state, need, left, tokens, thinking, due, winding, reserve, soft, slot = columns
        info = arena.info[slot].long()
        is_known = (token_ids >= 0) & (token_ids < self.vocab_size)
        token_id = torch.where(is_known, token_ids, 0).long()
        token_class = arena.tokens.data[info[:, Info.TOKENS] + token_id].long()
        at = state.clamp(min=0)
        after, events = self._arcs(info, at, token_class)
        is_legal = is_known & (state >= 0) & (after >= 0)
        need, left = (need - events.clamp(min=0)).clamp(min=0), left - events.clamp(min=0)
        tokens = tokens - 1
        thinking = thinking - (self._kinds(info, at) & THINKS)
        is_near = torch.minimum(thinking, tokens - reserve) <= soft
        at_end = arena.sentence[token_id] & ((self._kinds(info, after.clamp(min=0)) & THINKS) > 0)
        winding = winding | ((soft > 0) & is_near & at_end).long()
        moved = (after, need, left, tokens, thinking, (due - 1).clamp(min=0), winding)
        advanced = torch.stack([*moved, reserve, soft, slot], dim=1).to(cursors.dtype)
        rest = cursors.clone()
        rest[:, STATE] = torch.where(state == FREE_STATE, FREE_STATE, BROKEN_STATE)
        return torch.where(is_legal[:, None], advanced, rest)

    def legal(self, cursors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the classes that may come next, (n, C) bool, and a shortest token, (n,) int64."""
        arena = self.arena
        columns = (column[:, None] for column in cursors.long().unbind(1))
        state, need, left, tokens, thinking, due, winding, reserve, _, slot = columns
        info = arena.info[slot[:, 0]].long()
        classes = torch.arange(arena.num_classes, device=cursors.device)
        is_class = classes < info[:, Info.NUM_CLASSES, None]
        at = state.clamp(min=0)
        after, events = self._arcs(info, at, torch.where(is_class, classes, 0))
        has_arc, after = (after >= 0) & is_class, after.clamp(min=0)
        need_after = (need - events.clamp(min=0)).clamp(min=0)
        finish, close = self._distances(info, need_after, after)
        kind = self._kinds(info, at)
        thinks, is_inside = kind & THINKS, (kind & INSIDE) > 0
        ok = has_arc & (events <= left) & ((events >= 0) | (need == 0))
        ok &= finish <= tokens - torch.where(is_inside, reserve, 0) - 1
        ok &= ~is_inside | (close <= thinking - thinks)
        is_out = close <= self._distances(info, need, at)[1] - thinks
        ok = _prefer(ok, is_out | (winding == 0) | ~is_inside)
        is_closing = (self._kinds(info, after) & CLOSING) > 0
        ok = _prefer(ok, ~is_closing | (finish + 1 >= due))
        # Only where an illegal token was forced upon the row: leave the quick way.
        ways = torch.where(has_arc, self._distances(info, 0, after)[0], 2 * FAR)
        ok = torch.where(ok.any(1, keepdim=True), ok, ways == ways.amin(1, keepdim=True))
        is_over = (state == BROKEN_STATE) | (state == info[:, Info.DONE, None])
        ok = torch.where(is_over, classes == info[:, Info.STOP_CLASS, None], ok)
        shortest = info[:, Info.SHORTEST] + torch.where(ok, finish, 2 * FAR).argmin(1)
        return ok | (state == FREE_STATE), arena.shortest.data[shortest].long()

    def forbid(self, logits: torch.Tensor, cursors: torch.Tensor) -> None:
        """Set what may not come next to -inf; (n, vocab) float logits, changed in place.

        A row left without a finite legal logit gets 0 at the shortest token, so that it can end.
        """
        legal, shortest = self.legal(cursors)
        starts = self.arena.info[cursors[:, SLOT].long(), Info.TOKENS].long()
        token_ids = torch.arange(self.vocab_size, device=logits.device)
        is_free = (cursors[:, STATE] == FREE_STATE)[:, None]
        for first in range(0, len(logits), CHUNK):
            part = slice(first, first + CHUNK)
            classes = self.arena.tokens.data[starts[part, None] + token_ids].long()
            is_legal = legal[part].gather(1, classes)
            masked = _masked(logits[part], is_legal, shortest[part, None])
            logits[part] = torch.where(is_free[part], logits[part], masked)

    def _arcs(
        self, info: torch.Tensor, at: torch.Tensor, classes: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the states after classes, and the events on the way there; -1: illegal."""
        cell = at * _of(info, Info.NUM_CLASSES, at) + classes
        after = self.arena.cells.data[_of(info, Info.CELLS, at) + cell].long()
        is_eventful = at < _of(info, Info.NUM_EVENTFUL, at)
        event = _of(info, Info.EVENTS, at) + torch.where(is_eventful, cell, 0)
        return after, torch.where(is_eventful, self.arena.events.data[event].long(), 0)

    def _kinds(self, info: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        return self.arena.kinds.data[_of(info, Info.KINDS, at) + at].long()

    def _distances(
        self, info: torch.Tensor, need: torch.Tensor | int, at: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the least tokens to the end, and the least thinking tokens to the output."""
        num_states = _of(info, Info.NUM_STATES, at)
        place = _of(info, Info.DISTANCES, at) + need * num_states + at
        distances = self.arena.distances.data
        return distances[place].long(), distances[place + NEEDS * num_states].long()


def _of(info: torch.Tensor, column: Info, like: torch.Tensor) -> torch.Tensor:
    """Return a column of the rows' info, (n,) or (n, 1) as `like` has one axis or two."""
    return info[:, column] if like.ndim == 1 else info[:, column, None]


def _masked(logits: torch.Tensor, is_legal: torch.Tensor, shortest: torch.Tensor) -> torch.Tensor:
    """Return the logits without what is illegal; 0 at the shortest token where nothing is left."""
    clean = torch.nan_to_num(logits, nan=-torch.inf, posinf=HUGE, neginf=-torch.inf)
    clean.masked_fill_(~is_legal, -torch.inf)
    is_dead = torch.isneginf(clean.amax(1, keepdim=True))
    kept = clean.gather(1, shortest).masked_fill_(is_dead, 0.0)
    return clean.scatter_(1, shortest, kept)


def _prefer(ok: torch.Tensor, wish: torch.Tensor) -> torch.Tensor:
    """Return what is also wished for, in rows where anything is."""
    both = ok & wish
    return torch.where(both.any(1, keepdim=True), both, ok)
