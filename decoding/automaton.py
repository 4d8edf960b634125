"""The automaton: the reply format over token ids, with the least way to the end of every state.

What a token does depends only on its class, so the tables are small: for Llama 3 about 290 states
and 160 classes. Budgets fall out of two distances: a token is legal only if what remains suffices.
A constraint on the answer takes the place of the output's free text; nothing else changes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from decoding.byte_dfa import Phase
from decoding.constrained_answer import constrained_answer
from decoding.distances import FAR, distances
from decoding.format import ReplyFormat
from decoding.grammars.dfa import Dfa
from decoding.grammars.grammar import TooLargeError
from decoding.head import AutomatonError, Head, lift_head
from decoding.lifting import LiftingError
from decoding.reply_parts import free_answer
from decoding.splice import Part, splice
from decoding.vocabulary import Vocabulary

MAX_MIN_REFLECTIONS = 16
TOO_LARGE = "the constraint is too large: lower a maxLength or maxItems, or demand less at once"


@dataclass(frozen=True, slots=True, eq=False)
class Automaton:
    """Immutable tables, shared by every matcher of one model. Letters: S states, C classes.

    start: the state after the reply's prefix; bare_start: the state before any byte
    classes: (vocab,) int32, token id -> class
    next: (S, C) int16, state after a token of the class; -1 where it is illegal
    opens, closes: (S, C) int8 (signed: they are subtracted), reflections the token opens,
        thinking blocks it closes
    phases: (S,) int8, a Phase each
    ends_sentence: (vocab,) bool, whether a thought may well end after the token
    thinks: (S,) bool, whether a token read in this state counts as thinking
    inside: (S,) bool, whether the output has not opened yet
    finish: (MAX_MIN_REFLECTIONS + 1, S) int32, least tokens to the end, EOS included, with so
        many reflections still required
    close: the same shape, *thinking* tokens until the output opens, on the shortest way
    representative, class_sizes: (C,) int32, the smallest token id and the number of each class

    Law (`check` proves it for the tables at hand): a state entered with `finish <= tokens left`
    and `close <= thinking tokens left` has a legal token that keeps both true.
    """

    format: ReplyFormat
    start: int
    bare_start: int
    done: int
    classes: npt.NDArray[np.int32]
    next: npt.NDArray[np.int16]
    opens: npt.NDArray[np.int8]
    closes: npt.NDArray[np.int8]
    phases: npt.NDArray[np.int8]
    ends_sentence: npt.NDArray[np.bool_]
    stop_token_ids: tuple[int, ...]
    is_constrained: bool = False
    thinks: npt.NDArray[np.bool_] = field(init=False)
    inside: npt.NDArray[np.bool_] = field(init=False)
    finish: npt.NDArray[np.int32] = field(init=False)
    close: npt.NDArray[np.int32] = field(init=False)
    representative: npt.NDArray[np.int32] = field(init=False)
    class_sizes: npt.NDArray[np.int32] = field(init=False)

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
        _, first, sizes = np.unique(self.classes, return_index=True, return_counts=True)
        derive(self, "representative", first.astype(np.int32))
        derive(self, "class_sizes", sizes.astype(np.int32))
        self.check()

    @classmethod
    def restore(cls, values: Mapping[str, Any]) -> Self:
        """Take the values of all fields, which `assemble` made and proved; nothing is derived."""
        automaton = object.__new__(cls)
        for part in fields(cls):
            object.__setattr__(automaton, part.name, values[part.name])
        return automaton

    @classmethod
    def build(
        cls,
        format: ReplyFormat,
        vocabulary: Vocabulary,
        stop_token_ids: Collection[int],
        reply_prefix: str = "",
        answer: Dfa | None = None,
    ) -> Self:
        """Lift the format to a vocabulary; a reply starts after `reply_prefix`.

        answer: the language of the answer, where it is constrained. Raises AutomatonError when
        the stop ids, the prefix or the vocabulary make it impossible, GrammarError when the
        constraint does.
        """
        return cls.assemble(lift_head(format, vocabulary, stop_token_ids, reply_prefix), answer)

    @classmethod
    def assemble(cls, head: Head, answer: Dfa | None = None) -> Self:
        """Join a lifted head with the answer; raises as `build` does."""
        form = head.format
        dfa = free_answer(form) if answer is None else constrained_answer(form, answer)
        try:
            spliced = splice(
                head.part,
                Part.lift(dfa, head.vocabulary),
                head.vocabulary,
                head.stop_token_ids,
                (head.root, head.part.dfa.start),
            )
        except LiftingError as error:
            raise TooLargeError(f"{TOO_LARGE} ({error})") from error
        start, bare_start = spliced.roots
        return cls(
            format=form,
            start=start,
            bare_start=bare_start,
            done=spliced.done,
            classes=spliced.classes,
            next=spliced.next,
            opens=spliced.opens,
            closes=spliced.closes,
            phases=spliced.phases,
            ends_sentence=head.ends_sentence,
            stop_token_ids=head.stop_token_ids,
            is_constrained=answer is not None,
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

    @property
    def num_bytes(self) -> int:
        """Bytes that the tables take."""
        values = (getattr(self, part.name) for part in fields(self))
        return sum(value.nbytes for value in values if isinstance(value, np.ndarray))

    def least_tokens(self, min_reflections: int = 0) -> int:
        """Tokens of the shortest reply with so many reflections, EOS included."""
        return int(self.finish[min_reflections, self.start])

    def least_thinking_tokens(self, min_reflections: int = 0) -> int:
        """Thinking tokens of the reply that thinks least."""
        return int(self.close[min_reflections, self.start])

    def legal(
        self,
        state: int,
        need: int,
        left: int,
        tokens: int,
        thinking: int,
        due: int = 0,
        *,
        is_winding: bool = False,
    ) -> npt.NDArray[np.bool_]:
        """Return (C,) bool: the classes that may come next.

        need, left: reflections still required and still permitted; tokens: left of max_tokens,
        what is reserved for the answer already taken off; thinking: thinking tokens left; due:
        tokens that must still come; is_winding: whether the thought takes the shortest way out.
        The last two give way where they would leave nothing.
        """
        after, opens = self.next[state], self.opens[state]
        need_after = np.maximum(need - opens, 0)
        finish, close = self.finish[need_after, after], self.close[need_after, after]
        thinks = int(self.thinks[state])
        ok = (after >= 0) & (opens <= left) & ((self.closes[state] == 0) | (need == 0))
        ok &= (finish <= tokens - 1) & (close <= thinking - thinks)
        if is_winding:
            ok = _prefer(ok, close <= self.close[need, state] - thinks)
        if due > 0:
            is_closing = (self.phases[after] == Phase.CLOSING) | (self.phases[after] == Phase.END)
            ok = _prefer(ok, ~is_closing | (finish + 1 >= due))
        return np.asarray(ok)

    def check(self) -> None:
        """Prove the law exhaustively: no (state, need) is a dead end on its tightest budgets.

        Legality is monotone in both budgets and in the reflections left, so the tightest case
        covers all; induction over the tokens gives the law. In the answer a reflection can no
        longer be needed. Raises AutomatonError.
        """
        if self.finish[MAX_MIN_REFLECTIONS, self.start] >= FAR:
            raise AutomatonError(
                f"the vocabulary cannot spell the tags {self.format.tags} or has no text for the "
                "answer: no reply can be completed"
            )
        for need in range(MAX_MIN_REFLECTIONS + 1):
            states = np.flatnonzero(self.inside) if need else np.arange(self.num_states)
            states = states[(self.finish[need, states] < FAR) & (states != self.done)]
            dead = states[~self._has_way(states, need)]
            if len(dead):
                state = int(dead[0])
                raise AutomatonError(
                    f"state {state} has no legal token with {need} reflections to come, "
                    f"{self.finish[need, state]} tokens and {self.close[need, state]} thinking "
                    "tokens left"
                )

    def _has_way(self, states: npt.NDArray[np.int64], need: int) -> npt.NDArray[np.bool_]:
        """Return (n,) bool: whether a state has a legal token on its tightest budgets."""
        after, opens = self.next[states], self.opens[states]
        need_after = np.maximum(need - opens, 0)
        ok = (after >= 0) & (opens <= need) & ((self.closes[states] == 0) | (need == 0))
        ok &= self.finish[need_after, after] <= self.finish[need, states, None] - 1
        ok &= (
            self.close[need_after, after]
            <= (self.close[need, states] - self.thinks[states])[:, None]
        )
        return np.asarray(ok.any(axis=1))


def _prefer(ok: npt.NDArray[np.bool_], wish: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    both = ok & wish
    return both if both.any() else ok
