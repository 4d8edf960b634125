"""The answer under a constraint: the constraint's language inside the output section.

A constraint is a DFA over the bytes of the answer. The parser drops one newline next to a tag, so
one may stand there; where the language itself could begin or end with a newline, one must, and
what is delivered is exactly a text of the language. While the bytes may be those of the closing
tag, both readings are followed: the tag counts only if the language accepted what stood before.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from decoding.byte_dfa import LESS_THAN, ByteDfa, Phase
from decoding.distances import FAR, steps_to
from decoding.format import ReplyFormat
from decoding.grammars.dfa import Dfa
from decoding.grammars.grammar import GrammarError, TooLargeError
from decoding.reply_parts import free_answer
from decoding.text_or_calls import with_guard

NEWLINE, RETURN = 0x0A, 0x0D
CHUNK = 2048  # states expanded at once: bounds the memory
MAX_ANSWER_STATES = 32_000
START, CLOSED = 0, 1

Codes = npt.NDArray[np.int64]


def constrained_answer(format: ReplyFormat, language: Dfa) -> ByteDfa:
    """Return the part from the opened output to the closed one, for the texts of the language.

    Only the closing tag is guarded, but in free text: other tags in a JSON string are text. Raises
    GrammarError if no text is left that a reader would see, or if there are too many states.
    """
    # A language with free text allows for the newlines next to the tags itself.
    language = _in_newlines(language) if language.free is None else with_guard(language, format)
    product = _Product(free_answer(replace(format, text_guard="closing")), language)
    codes, following = product.explore()
    kept = _reaching(following, CLOSED)
    if not kept[START]:
        raise GrammarError(
            "the constraint permits no answer that a reader would see and that is free of "
            f"{format.tags[-1]}: permit some other text"
        )
    number = np.append(np.where(kept, np.cumsum(kept) - 1, kept.sum()), kept.sum())
    table = number[np.concatenate([following[kept], np.full((1, 256), len(codes))])]
    return ByteDfa(
        start=START,
        final=CLOSED,
        next=table.astype(np.int32),
        phases=product.phases(codes[kept]),
    )


class _Product:
    """Pairs of a state of the output's text and one of the language, and whether it accepted.

    A code is (text * languages + language) * 2 + accepted; `accepted` tells of the text before
    the last `<` while that may begin the closing tag. Only one code stands for the closed output.
    """

    def __init__(self, text: ByteDfa, language: Dfa) -> None:
        self._text = text
        self._language = language
        self._width = language.num_states + 1
        self._is_node = np.append(text.phases == Phase.CLOSING, False)
        self.start = self._code(text.start, 0, 0)
        self.closed = self._code(text.final, language.num_states, 1)

    def _code(self, text: int, language: int, accepted: int) -> int:
        return int((text * self._width + language) * 2 + accepted)

    def phases(self, codes: Codes) -> npt.NDArray[np.int8]:
        """Return the Phase of each state."""
        return np.asarray(self._text.phases[codes // (2 * self._width)])

    def explore(self) -> tuple[Codes, Codes]:
        """Return the reachable codes and (n, 256) positions among them; n is dead.

        The start stands first, the closed output second.
        """
        codes = np.array([self.start, self.closed])
        number = np.full((self._text.num_states + 1) * self._width * 2, -1, np.int64)
        number[codes] = [0, 1]
        levels, following, count = [], [], 0
        while len(codes):
            chunks = [codes[at : at + CHUNK] for at in range(0, len(codes), CHUNK)]
            found = np.concatenate([self._following(chunk) for chunk in chunks])
            levels.append(codes)
            following.append(found)
            count += len(codes)
            if count > MAX_ANSWER_STATES:
                raise TooLargeError(
                    "the constraint has too many states: lower a maxLength or maxItems, or "
                    "demand less at once"
                )
            codes = np.unique(found[(found >= 0) & (number[found] < 0)])
            number[codes] = count + np.arange(len(codes))
        table = np.concatenate(following)
        return np.concatenate(levels), np.where(table < 0, count, number[table])

    def _following(self, codes: Codes) -> Codes:
        """Return (n, 256) the codes after each byte, -1 where none is alive."""
        accepted = codes % 2 == 1
        language = codes // 2 % self._width
        text = codes // (2 * self._width)
        after_text = self._text.next[text].astype(np.int64)
        after_language = self._language.next[language].astype(np.int64)
        is_node = self._is_node[after_text]
        holds = is_node & accepted[:, None]
        holds[:, LESS_THAN] = is_node[:, LESS_THAN] & self._language.accepting[language]
        is_closed = (after_text == self._text.final) & accepted[:, None]
        is_alive = (after_language < self._language.num_states) | holds
        is_alive &= after_text < self._text.num_states
        is_alive &= after_text != self._text.final
        after = (after_text * self._width + after_language) * 2 + holds
        return np.where(is_closed, self.closed, np.where(is_alive, after, -1)).astype(np.int64)


def _reaching(following: Codes, goal: int) -> npt.NDArray[np.bool_]:
    """Return which states lead to the goal."""
    source, byte = np.nonzero(following < len(following))
    return np.asarray(steps_to(goal, source, following[source, byte], len(following)) < FAR)


def _in_newlines(language: Dfa) -> Dfa:
    """Return the language with the newlines that the parser drops, as a DFA.

    State 0 is the start, 1 + 3 * q + kind is state q of the language: kind 1 stands after what may
    be the last newline, kind 2 after a carriage return, which a newline would take with it.
    """
    count = language.num_states
    ended, dead = 3 * count + 1, 3 * count + 2
    needs_first = bool((language.next[0, [NEWLINE, RETURN]] < count).any())
    needs_last = bool(language.accepting[language.next[:count, NEWLINE]].any())
    after = language.next[:count]
    rows = np.where(after < count, after * 3 + 1, dead)
    rows[:, RETURN] += 2 * (after[:, RETURN] < count)
    table = np.full((dead + 1, 256), dead, np.int32)
    for kind in range(3):
        table[1 + kind : ended : 3] = rows
    last = np.where(after[:, NEWLINE] < count, rows[:, NEWLINE] + 1, ended)
    for kind in range(2):
        newline = np.where(language.accepting[:count], last, rows[:, NEWLINE])
        table[1 + kind : ended : 3, NEWLINE] = newline
    if not needs_first:
        table[0] = table[1]
    table[0, NEWLINE] = 1
    accepting = np.zeros(dead + 1, bool)
    for kind in range(3):
        accepting[1 + kind : ended : 3] = language.accepting[:count] & (not needs_last)
    accepting[2:ended:3] = True  # reached only by a text of the language and a newline
    accepting[ended] = True
    return Dfa(table, accepting)
