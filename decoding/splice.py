"""Splicing: the head and the answer, each lifted by itself, as one set of token transitions.

A token's behaviour is the pair of its functions, but for the tokens that complete the output's
opening tag and go on: in the states from which they do so, they lead into the answer at the bytes
that follow the tag.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decoding.byte_dfa import ByteDfa, Phase
from decoding.lifting import MAX_EVENTS, LiftingError, TokenFunctions, lift
from decoding.vocabulary import Vocabulary

NEVER = -1
GREATER_THAN = 0x3E
MAX_STATES = 32_000  # ids are int16
MAX_CELLS = 10_000_000  # states x classes: 20 MB of transitions and as much of events

Table = npt.NDArray[np.int16]
Events = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A part of the reply with its lifted form; one head serves all answers."""

    dfa: ByteDfa
    tokens: TokenFunctions

    @classmethod
    def lift(cls, dfa: ByteDfa, vocabulary: Vocabulary) -> Part:
        """Lift a part to a vocabulary; raise LiftingError if it is too large."""
        return cls(dfa, lift(dfa, vocabulary))


@dataclass(frozen=True, slots=True, eq=False)
class Spliced:
    """Token transitions of a whole reply; next, opens, closes, phases as in Automaton.

    roots: the states of the given ones; classes: (vocab,) int32
    """

    roots: tuple[int, ...]
    done: int
    classes: npt.NDArray[np.int32]
    next: Table
    opens: Events
    closes: Events
    phases: npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class _Crossing:
    """Head states from which a token opens the output and goes on to a state of the answer."""

    sources: tuple[int, ...]
    target: int
    opens: tuple[int, ...]
    closes: tuple[int, ...]


def splice(
    head: Part,
    answer: Part,
    vocabulary: Vocabulary,
    stop_token_ids: Collection[int],
    roots: Collection[int],
) -> Spliced:
    """Join the parts and keep what tokens reach from `roots`, which are states of the head.

    Raises LiftingError if the tables would be too large.
    """
    num_head, num_answer = head.dfa.num_states, answer.dfa.num_states
    done = num_head + num_answer
    dead = done + 1
    rows, crossings, classes = _classes(head, answer, vocabulary)
    if dead > MAX_STATES or len(rows) * dead > 4 * MAX_CELLS:
        raise LiftingError(f"too large: {dead} states with {len(rows)} kinds of tokens")
    table = np.full((dead + 1, len(rows) + 1), dead, np.int16)
    opens, closes = np.zeros((2, *table.shape), np.int8)
    of_head = head.tokens.next[rows[:, 0], :num_head].T
    entry = num_head + answer.dfa.start
    table[:num_head, :-1] = np.where(
        of_head == head.dfa.final, entry, np.where(of_head == num_head, dead, of_head)
    )
    of_answer = answer.tokens.next[rows[:, 1], :num_answer].T
    table[num_head:done, :-1] = np.where(of_answer == num_answer, dead, of_answer + num_head)
    opens[:num_head, :-1] = head.tokens.opens[rows[:, 0], :num_head].T
    closes[:num_head, :-1] = head.tokens.closes[rows[:, 0], :num_head].T
    for row, crossing in crossings:
        table[crossing.sources, row] = num_head + crossing.target
        opens[crossing.sources, row] = crossing.opens
        closes[crossing.sources, row] = crossing.closes
    table[[num_head + answer.dfa.final, done], -1] = done
    table[head.dfa.final] = dead  # its place is taken by the start of the answer
    classes[list(stop_token_ids)] = len(rows)
    phases = np.concatenate([head.dfa.phases, answer.dfa.phases, [Phase.DONE]]).astype(np.int8)
    return _reduce(table, opens, closes, phases, classes, list(roots))


def _classes(
    head: Part, answer: Part, vocabulary: Vocabulary
) -> tuple[npt.NDArray[np.int64], list[tuple[int, _Crossing]], npt.NDArray[np.int32]]:
    """Return the pairs of functions as (n, 2), the crossings of each, and each token's pair."""
    width = len(answer.tokens.next)
    keys = head.tokens.functions.astype(np.int64) * width + answer.tokens.functions
    known, classes = np.unique(keys, return_inverse=True)
    rows = [divmod(int(key), width) for key in known]
    classes = classes.reshape(-1).astype(np.int32)
    crossings = []
    number: dict[tuple[int, tuple[_Crossing, ...]], int] = {}
    for token_id, found in _crossings(head.dfa, answer.dfa, vocabulary):
        key = int(keys[token_id]), found
        if key not in number:
            number[key] = len(rows)
            crossings += [(len(rows), crossing) for crossing in found]
            rows.append(divmod(key[0], width))
        classes[token_id] = number[key]
    return np.array(rows), crossings, classes


def _crossings(
    head: ByteDfa, answer: ByteDfa, vocabulary: Vocabulary
) -> Iterator[tuple[int, tuple[_Crossing, ...]]]:
    """Find the tokens that hold the last byte of the output's opening tag, but not as their last.

    The byte is `>`, and what stands before it in the token lies within the tag or ends with it.
    """
    token_ids, offsets, flat = vocabulary.by_length
    holders = np.searchsorted(offsets, np.flatnonzero(flat == GREATER_THAN), side="right") - 1
    entering: dict[bytes, tuple[tuple[int, ...], ...]] = {}
    for token_id in token_ids[np.unique(holders)].tolist():
        text = vocabulary.token_bytes[token_id] or b""
        found = []
        at = text.find(b">")
        while 0 <= at < len(text) - 1:
            before, after = text[: at + 1], answer.walk(text[at + 1 :])
            if before not in entering:
                entering[before] = _entering(head, before)
            sources, opens, closes = entering[before]
            if sources and after < answer.num_states:
                found.append(_Crossing(sources, after, opens, closes))
            at = text.find(b">", at + 1)
        if found:
            yield token_id, tuple(found)


def _entering(head: ByteDfa, text: bytes) -> tuple[tuple[int, ...], ...]:
    """Return the states that the text leads to the opened output, and what it opens and closes."""
    states = np.arange(head.num_states + 1)
    events = np.zeros((2, len(states)), np.int64)
    for byte in text:
        for at, table in enumerate((head.opens, head.closes)):
            events[at] += 0 if table is None else table[states, byte]
        states = head.next[states, byte]
    sources = np.flatnonzero((states == head.final) & (events.max(axis=0) <= MAX_EVENTS))
    return tuple(tuple(found[sources].tolist()) for found in (np.arange(len(states)), *events))


def _reduce(
    table: Table,
    opens: Events,
    closes: Events,
    phases: npt.NDArray[np.int8],
    classes: npt.NDArray[np.int32],
    roots: list[int],
) -> Spliced:
    """Keep the states that tokens reach from the roots, and one class per distinct behaviour."""
    dead = len(table) - 1
    # One token that closes a thinking block and opens a reflection would need an ordered check.
    table[(opens > 0) & (closes > 0)] = dead
    kept = _reachable(table, roots)
    number = np.full(dead + 1, NEVER, np.int16)
    number[kept] = np.arange(len(kept))
    table = number[table[kept]]
    opens, closes = opens[kept] * (table >= 0), closes[kept] * (table >= 0)
    columns = [np.ascontiguousarray(part.T) for part in (table, opens, closes)]
    used, inverse = np.unique(classes, return_inverse=True)
    known: dict[bytes, int] = {}
    keys = (b"".join(column[row].tobytes() for column in columns) for row in used)
    merged = np.array([known.setdefault(key, len(known)) for key in keys])
    first = used[np.unique(merged, return_index=True)[1]]
    if len(kept) * len(first) > MAX_CELLS:
        raise LiftingError(f"too large: {len(kept)} states with {len(first)} kinds of tokens")
    return Spliced(
        roots=tuple(number[roots].tolist()),
        done=int(number[dead - 1]),
        classes=merged[inverse.reshape(-1)].astype(np.int32),
        next=np.ascontiguousarray(table[:, first]),
        opens=np.ascontiguousarray(opens[:, first]),
        closes=np.ascontiguousarray(closes[:, first]),
        phases=phases[kept],
    )


def _reachable(table: Table, roots: list[int]) -> npt.NDArray[np.int64]:
    seen = np.zeros(len(table), bool)
    seen[-2:] = True  # the done state and the dead one
    frontier = np.array(roots)
    while len(frontier):
        seen[frontier] = True
        reached = np.zeros(len(table), bool)
        reached[table[frontier]] = True
        frontier = np.flatnonzero(reached & ~seen)
    return np.flatnonzero(seen[:-1])
