"""Lifting: from transitions on bytes to transitions on tokens, through the transition monoid.

A token is a function from states to states, the composition of its bytes' functions. The whole
vocabulary is read one byte position at a time and equal functions are interned, so the work is
(distinct functions x byte classes x states), not (vocabulary x states): a few hundred functions
for the 128,256 tokens of Llama 3.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decoding.byte_dfa import ByteDfa
from decoding.vocabulary import Vocabulary

Ints = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class TokenFunctions:
    """What each token does to each byte state, once per class of equally behaving tokens.

    classes: (vocab,) int32, the class of a token; the last two classes are the tokens without
        text (illegal everywhere) and the stop tokens (END to DONE, DONE to DONE)
    next, opens, closes: (classes, states + 1) int16, as in ByteDfa
    """

    classes: npt.NDArray[np.int32]
    next: Ints
    opens: Ints
    closes: Ints


class _Functions:
    """The interned functions: (functions, states + 1) arrays that grow."""

    def __init__(self, num_states: int) -> None:
        self.next: Ints = np.arange(num_states + 1, dtype=np.int16)[None]
        self.opens: Ints = np.zeros((1, num_states + 1), np.int16)
        self.closes: Ints = np.zeros((1, num_states + 1), np.int16)
        self._known = {self._key(self.next[0], self.opens[0], self.closes[0]): 0}

    @staticmethod
    def _key(*rows: Ints) -> bytes:
        return b"".join(row.tobytes() for row in rows)

    def intern(self, after: Ints, opens: Ints, closes: Ints) -> list[int]:
        """Return the number of each given function, numbering the new ones."""
        ids, new = [], []
        for at in range(len(after)):
            key = self._key(after[at], opens[at], closes[at])
            if key not in self._known:
                self._known[key] = len(self._known)
                new.append(at)
            ids.append(self._known[key])
        self.next = np.concatenate([self.next, after[new]])
        self.opens = np.concatenate([self.opens, opens[new]])
        self.closes = np.concatenate([self.closes, closes[new]])
        return ids


def lift(dfa: ByteDfa, vocabulary: Vocabulary, stop_token_ids: Collection[int]) -> TokenFunctions:
    """Compose every token's function over the byte DFA."""
    functions = _Functions(dfa.num_states)
    token_ids, composed = _compose(dfa, vocabulary, functions)
    dead = np.full((1, dfa.num_states + 1), dfa.num_states, np.int16)
    stop = dead.copy()
    stop[0, [dfa.end, dfa.done]] = dfa.done
    zero = np.zeros((2, dfa.num_states + 1), np.int16)
    classes = np.full(vocabulary.size, len(functions.next), np.int32)
    classes[token_ids] = composed
    classes[list(stop_token_ids)] = len(functions.next) + 1
    return TokenFunctions(
        classes,
        np.concatenate([functions.next, dead, stop]),
        np.concatenate([functions.opens, zero]),
        np.concatenate([functions.closes, zero]),
    )


def _compose(
    dfa: ByteDfa, vocabulary: Vocabulary, functions: _Functions
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the ids of the tokens with text, longest first, and the function of each."""
    byte_class, byte_next, byte_opens, byte_closes = _byte_classes(dfa)
    num_byte_classes = len(byte_next)
    texts = vocabulary.token_bytes
    token_ids = np.array(
        sorted((i for i, text in enumerate(texts) if text), key=lambda i: -len(texts[i] or b"")),
        np.int64,
    )
    lengths = np.array([len(texts[i] or b"") for i in token_ids])
    flat = byte_class[np.frombuffer(vocabulary.decode(token_ids.tolist()), np.uint8)]
    offsets = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    memo = np.full((1, num_byte_classes), -1, np.int64)
    current = np.zeros(len(token_ids), np.int64)
    for position in range(int(lengths[0])):
        longer = int(np.searchsorted(-lengths, -position, side="left"))
        keys = current[:longer] * num_byte_classes + flat[offsets[:longer] + position]
        unseen = np.unique(keys[memo.reshape(-1)[keys] < 0])
        if len(unseen):
            function, byte = unseen // num_byte_classes, unseen % num_byte_classes
            state = functions.next[function]
            ids = functions.intern(
                byte_next[byte[:, None], state],
                functions.opens[function] + byte_opens[byte[:, None], state],
                functions.closes[function] + byte_closes[byte[:, None], state],
            )
            memo[function, byte] = ids
            grown = len(functions.next) - len(memo)
            memo = np.concatenate([memo, np.full((grown, num_byte_classes), -1, np.int64)])
        current[:longer] = memo.reshape(-1)[keys]
    return token_ids, current


def _byte_classes(dfa: ByteDfa) -> tuple[npt.NDArray[np.int64], Ints, Ints, Ints]:
    """Return the class of each byte, and next, opens, closes as (byte classes, states + 1)."""
    columns = np.concatenate([dfa.next, dfa.opens, dfa.closes]).T
    _, first, classes = np.unique(columns, axis=0, return_index=True, return_inverse=True)
    return (
        classes.reshape(-1).astype(np.int64),
        dfa.next.T[first],
        dfa.opens.T[first],
        dfa.closes.T[first],
    )
