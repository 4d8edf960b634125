"""Lifting: from transitions on bytes to transitions on tokens, through the transition monoid.

A token is a function from states to states, the composition of its bytes' functions. The whole
vocabulary is read one byte position at a time and equal functions are interned, so the work is
(distinct functions x byte classes x states), not (vocabulary x states): a few hundred functions
for the 128,256 tokens of Llama 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decoding.byte_dfa import ByteDfa
from decoding.vocabulary import Vocabulary

MAX_CELLS = 60_000_000  # of a function table: 120 MB
MAX_EVENTS = 100  # of one token; one that opens or closes more is illegal

Ids = npt.NDArray[np.int64]
States = npt.NDArray[np.int16]
Events = npt.NDArray[np.int8]


class LiftingError(ValueError):
    """A part of a reply with too many states and distinct tokens to be lifted."""


@dataclass(frozen=True, slots=True, eq=False)
class TokenFunctions:
    """What each token does to each byte state, once per distinct function.

    functions: (vocab,) int32, the function of a token; DEAD for the tokens without text
    next: (functions, states + 1) int16, as in ByteDfa; function 0 leads nowhere from anywhere
    opens, closes: (functions, states + 1) int8, or (functions, 0) where the part has no events
    """

    functions: npt.NDArray[np.int32]
    next: States
    opens: Events
    closes: Events


DEAD = 0


class _Functions:
    """The interned functions: (functions, states + 1) arrays that grow."""

    def __init__(self, dfa: ByteDfa) -> None:
        size = dfa.num_states + 1
        self.dead_state = dfa.num_states
        self.has_events = dfa.opens is not None
        width = size if self.has_events else 0
        self.next: States = np.full((2, size), dfa.num_states, np.int16)
        self.next[1] = np.arange(size)
        self.opens: Events = np.zeros((2, width), np.int8)
        self.closes: Events = np.zeros((2, width), np.int8)
        self._known = {row.tobytes() + bytes(2 * width): at for at, row in enumerate(self.next)}

    def intern(self, after: States, opens: Events, closes: Events) -> list[int]:
        """Return the number of each given function, numbering the new ones."""
        ids, new = [], []
        for at in range(len(after)):
            key = after[at].tobytes() + opens[at].tobytes() + closes[at].tobytes()
            if key not in self._known:
                self._known[key] = len(self._known)
                new.append(at)
            ids.append(self._known[key])
        if new:
            self.next = np.concatenate([self.next, after[new]])
            self.opens = np.concatenate([self.opens, opens[new]])
            self.closes = np.concatenate([self.closes, closes[new]])
            if self.next.size > MAX_CELLS:
                raise LiftingError("too many states and distinct tokens")
        return ids


def lift(dfa: ByteDfa, vocabulary: Vocabulary) -> TokenFunctions:
    """Compose every token's function over the byte DFA; raise LiftingError if it is too large."""
    functions = _Functions(dfa)
    byte_class, tables = _byte_classes(dfa)
    token_ids, offsets, flat = vocabulary.by_length
    current = _compose(functions, tables, byte_class[flat], offsets)
    of_token = np.full(vocabulary.size, DEAD, np.int32)
    of_token[token_ids] = current
    return TokenFunctions(of_token, functions.next, functions.opens, functions.closes)


def _compose(
    functions: _Functions, tables: tuple[States, Events, Events], flat: Ids, offsets: Ids
) -> Ids:
    """Return the function of each token, read one byte position at a time, longest tokens first."""
    byte_next, byte_opens, byte_closes = tables
    num_classes = len(byte_next)
    lengths = np.diff(np.append(offsets, len(flat)))
    memo = np.full((len(functions.next), num_classes), -1, np.int64)
    memo[DEAD] = DEAD
    current = np.ones(len(offsets), np.int64)
    alive = np.arange(len(offsets))
    for position in range(int(lengths.max(initial=0))):
        alive = alive[: np.searchsorted(-lengths[alive], -position, side="left")]
        keys = current[alive] * num_classes + flat[offsets[alive] + position]
        after = memo.reshape(-1)[keys]
        unseen = np.unique(keys[after < 0])
        if len(unseen):
            function, byte = unseen // num_classes, unseen % num_classes
            at = byte[:, None], functions.next[function]
            after_states = byte_next[at]
            opens, closes = functions.opens[function], functions.closes[function]
            if functions.has_events:
                is_alive = after_states < functions.dead_state
                opens = (opens + byte_opens[at]) * is_alive
                closes = (closes + byte_closes[at]) * is_alive
                after_states[(opens > MAX_EVENTS) | (closes > MAX_EVENTS)] = functions.dead_state
            ids = functions.intern(after_states, opens, closes)
            memo[function, byte] = ids
            grown = len(functions.next) - len(memo)
            memo = np.concatenate([memo, np.full((grown, num_classes), -1, np.int64)])
            after = memo.reshape(-1)[keys]
        current[alive] = after
        alive = alive[after != DEAD]
    return current


def _byte_classes(dfa: ByteDfa) -> tuple[Ids, tuple[States, Events, Events]]:
    """Return the class of each byte, and next, opens, closes as (byte classes, states + 1)."""
    none: Events = np.zeros((0, 256), np.int8)
    after = np.ascontiguousarray(dfa.next.T, np.int16)
    opens = np.ascontiguousarray((none if dfa.opens is None else dfa.opens).T)
    closes = np.ascontiguousarray((none if dfa.closes is None else dfa.closes).T)
    known: dict[bytes, int] = {}
    keys = [after[k].tobytes() + opens[k].tobytes() + closes[k].tobytes() for k in range(256)]
    classes = np.array([known.setdefault(key, len(known)) for key in keys], np.int64)
    first = np.unique(classes, return_index=True)[1]
    return classes, (after[first], opens[first], closes[first])
