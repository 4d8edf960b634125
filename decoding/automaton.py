"""The automaton: the reply format over token ids, with the least way to the end of every state.

What a token does depends only on its class, so the tables are small: for Llama 3 about 290 states
and 160 classes. Budgets fall out of two distances: a token is legal only if what remains suffices.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from decoding.byte_dfa import ByteDfa, Phase
from decoding.distances import FAR, distances
from decoding.format import ReplyFormat
from decoding.lifting import TokenFunctions, lift
from decoding.vocabulary import Vocabulary

MAX_MIN_REFLECTIONS = 16
NEVER = np.int16(-1)


class AutomatonError(ValueError):
    """A format, vocabulary and reply prefix for which no reply can be enforced."""


@dataclass(frozen=True, slots=True, eq=False)
class Automaton:
    """Immutable tables, shared by every matcher of one model. Letters: S states, C classes.

    classes: (vocab,) int32, token id -> class
    next: (S, C) int16, state after a token of the class; -1 where it is illegal
    opens, closes: (S, C) int32 (signed: they are subtracted), reflections the token opens,
        thinking blocks it closes
    phases: (S,) int8, a Phase each
    thinks: (S,) bool, whether a token read in this state counts as thinking
    inside: (S,) bool, whether the output has not opened yet
    finish: (MAX_MIN_REFLECTIONS + 1, S) int32, least tokens to the end, EOS included, with so
        many reflections still required
    close: the same shape, least *thinking* tokens until the output opens
    representative: (C,) int32, the smallest token id of each class

    Law (`check` proves it for the tables at hand): a state entered with `finish <= tokens left`
    and `close <= thinking tokens left` has a legal token that keeps both true.
    """

    format: ReplyFormat
    start: int
    done: int
    classes: npt.NDArray[np.int32]
    next: npt.NDArray[np.int16]
    opens: npt.NDArray[np.int32]
    closes: npt.NDArray[np.int32]
    phases: npt.NDArray[np.int8]
    stop_token_ids: tuple[int, ...]
    thinks: npt.NDArray[np.bool_] = field(init=False)
    inside: npt.NDArray[np.bool_] = field(init=False)
    finish: npt.NDArray[np.int32] = field(init=False)
    close: npt.NDArray[np.int32] = field(init=False)
    representative: npt.NDArray[np.int32] = field(init=False)

    def __post_init__(self) -> None:
        """Derive phases and distances; raise AutomatonError if some state has no way to the end."""
        derive = object.__setattr__
        derive(self, "thinks", np.isin(self.phases, (Phase.THINKING, Phase.REFLECTION)))
        derive(self, "inside", self.phases <= Phase.BETWEEN)
        finish, close = distances(
            self.next, self.opens, self.closes, self.thinks, self.inside, self.done,
            MAX_MIN_REFLECTIONS,
        )  # fmt: skip
        derive(self, "finish", finish)
        derive(self, "close", close)
        _, first = np.unique(self.classes, return_index=True)
        derive(self, "representative", first.astype(np.int32))
        self.check()

    @classmethod
    def build(
        cls,
        format: ReplyFormat,
        vocabulary: Vocabulary,
        stop_token_ids: Collection[int],
        reply_prefix: str = "",
    ) -> Self:
        """Lift the format to a vocabulary; a reply starts after `reply_prefix`.

        Raises AutomatonError when the stop ids, the prefix or the vocabulary make it impossible.
        """
        stop = tuple(sorted(set(stop_token_ids)))
        if not stop or not 0 <= stop[0] <= stop[-1] < vocabulary.size:
            raise AutomatonError(
                f"stop_token_ids must be ids of 0 to {vocabulary.size - 1}, not {list(stop)}"
            )
        dfa = ByteDfa(format)
        root = dfa.walk(reply_prefix.encode())
        if root == dfa.num_states or dfa.phases[root] > Phase.THINKING:
            raise AutomatonError(
                f"reply_prefix must be empty or begin with {format.tags[0]} and stay in its text, "
                f"not {reply_prefix!r}"
            )
        return cls(
            format=format, stop_token_ids=stop, **_tables(dfa, root, lift(dfa, vocabulary, stop))
        )

    @property
    def num_states(self) -> int:
        """Number of states S."""
        return int(self.next.shape[0])

    @property
    def num_classes(self) -> int:
        """Number of token classes C."""
        return int(self.next.shape[1])

    @property
    def vocab_size(self) -> int:
        """Number of token ids."""
        return len(self.classes)

    def least_tokens(self, min_reflections: int = 0) -> int:
        """Tokens of the shortest reply with so many reflections, EOS included."""
        return int(self.finish[min_reflections, self.start])

    def least_thinking_tokens(self, min_reflections: int = 0) -> int:
        """Thinking tokens of the reply that thinks least."""
        return int(self.close[min_reflections, self.start])

    def legal(
        self, state: int, need: int, left: int, tokens: int, thinking: int
    ) -> npt.NDArray[np.bool_]:
        """Return (C,) bool: the classes that may come next.

        need, left: reflections still required and still permitted; tokens: left of max_tokens,
        what is reserved for the answer already taken off; thinking: thinking tokens left.
        """
        after, opens = self.next[state], self.opens[state]
        need_after = np.maximum(need - opens, 0)
        ok = (after >= 0) & (opens <= left) & ((self.closes[state] == 0) | (need == 0))
        ok &= self.finish[need_after, after] <= tokens - 1
        ok &= self.close[need_after, after] <= thinking - int(self.thinks[state])
        return np.asarray(ok)

    def check(self) -> None:
        """Prove the law exhaustively: no (state, need) is a dead end on its tightest budgets.

        Legality is monotone in both budgets and in the reflections left, so the tightest case
        covers all; induction over the tokens gives the law. Raises AutomatonError.
        """
        if self.finish[MAX_MIN_REFLECTIONS, self.start] >= FAR:
            raise AutomatonError(
                f"the vocabulary cannot spell the tags {self.format.tags} or has no text for the "
                "answer: no reply can be completed"
            )
        for need in range(MAX_MIN_REFLECTIONS + 1):
            for state in range(self.num_states):
                tokens, thinking = int(self.finish[need, state]), int(self.close[need, state])
                if state == self.done or tokens >= FAR:
                    continue
                if not self.legal(state, need, need, tokens, thinking).any():
                    raise AutomatonError(
                        f"state {state} has no legal token with {need} reflections to come, "
                        f"{tokens} tokens and {thinking} thinking tokens left"
                    )


def _tables(dfa: ByteDfa, root: int, functions: TokenFunctions) -> dict[str, Any]:
    """Keep the states that tokens reach from the root, and one class per distinct behaviour."""
    kept = _reachable(functions.next, root, dfa.num_states)
    renumber = np.full(dfa.num_states + 1, NEVER)
    renumber[kept] = np.arange(len(kept))
    next_state = renumber[functions.next[:, kept]]
    opens, closes = functions.opens[:, kept], functions.closes[:, kept]
    # One token that closes a thinking block and opens a reflection would need an ordered check.
    next_state[(opens > 0) & (closes > 0)] = NEVER
    opens[next_state < 0] = closes[next_state < 0] = 0
    used, classes = np.unique(functions.classes, return_inverse=True)
    rows = np.concatenate([next_state, opens, closes], axis=1)[used]
    _, first, merged = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    chosen = used[first]
    return {
        "start": int(renumber[root]),
        "done": int(renumber[dfa.done]),
        "classes": merged.reshape(-1)[classes.reshape(-1)].astype(np.int32),
        "next": np.ascontiguousarray(next_state[chosen].T),
        "opens": np.ascontiguousarray(opens[chosen].T, np.int32),
        "closes": np.ascontiguousarray(closes[chosen].T, np.int32),
        "phases": dfa.phases[kept],
    }


def _reachable(next_state: npt.NDArray[np.int16], root: int, dead: int) -> npt.NDArray[np.int64]:
    seen = np.zeros(dead + 1, bool)
    frontier = np.array([root])
    while len(frontier):
        seen[frontier] = True
        reached = np.unique(next_state[:, frontier])
        frontier = reached[~seen[reached] & (reached != dead)]
    return np.flatnonzero(seen[:dead])
