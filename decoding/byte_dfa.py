"""The byte DFA: a part of a reply, exact at byte level, and the states of a section's text.

A section's text is an Aho-Corasick automaton over the tags, joined with the states of an
unfinished UTF-8 character. `<` stands only at offset 0 of a tag, so every failure link leads to
the root and `<` always leads to the node of `<`. UTF-8 is strict: no over-long forms, no
surrogates, nothing above U+10FFFF (Unicode standard, table 3-7).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from decoding.blank import blank_characters
from decoding.format import ReplyFormat, Section

LESS_THAN = 0x3C
LEAD_BYTES = (
    (0xC2, 0xDF, "1"),
    (0xE0, 0xE0, "E0"),
    (0xE1, 0xEC, "2"),
    (0xED, 0xED, "ED"),
    (0xEE, 0xEF, "2"),
    (0xF0, 0xF0, "F0"),
    (0xF1, 0xF3, "3"),
    (0xF4, 0xF4, "F4"),
)
CONTINUATION_BYTES: Mapping[str, tuple[int, int, str | None]] = {
    "1": (0x80, 0xBF, None),
    "2": (0x80, 0xBF, "1"),
    "3": (0x80, 0xBF, "2"),
    "E0": (0xA0, 0xBF, "1"),
    "ED": (0x80, 0x9F, "1"),
    "F0": (0x90, 0xBF, "2"),
    "F4": (0x80, 0x8F, "2"),
}


class Phase(IntEnum):
    """Where in the reply a state stands; CLOSING: in what may become the output's closing tag."""

    START = 0
    THINKING = 1
    REFLECTION = 2
    BETWEEN = 3
    OUTPUT_BLANK = 4
    OUTPUT = 5
    CLOSING = 6
    END = 7
    DONE = 8


@dataclass(frozen=True, slots=True, eq=False)
class ByteDfa:
    """States and byte transitions of a part of the reply, from `start` to `final`.

    next: (states + 1, 256) int32, the last state is the dead one; nothing leads on from `final`
    opens, closes: (states + 1, 256) int8, reflections that a transition opens, thinking blocks
        that it closes; None where the part has no such transitions
    phases: (states,) int8, a Phase each
    """

    start: int
    final: int
    next: npt.NDArray[np.int32]
    phases: npt.NDArray[np.int8]
    opens: npt.NDArray[np.int8] | None = None
    closes: npt.NDArray[np.int8] | None = None

    @property
    def num_states(self) -> int:
        """Number of states, the dead one not counted."""
        return len(self.phases)

    def walk(self, text: bytes, state: int | None = None) -> int:
        """Return the state after `text`; `num_states` is the dead one."""
        at = self.start if state is None else state
        for byte in text:
            at = int(self.next[at, byte])
        return at


class DfaBuilder:
    """States and edges as they are added; `build` makes the tables."""

    def __init__(self, format: ReplyFormat) -> None:
        """Start without states."""
        self._ids: dict[tuple[Phase, Hashable], int] = {}
        self._edges: list[tuple[int, int, int, int, int]] = []
        self._guarded = {tag.encode() for tag in format.tags if format.text_guard == "all"}
        self._closing = format.close(Section.OUTPUT).encode()
        self._long_blanks = frozenset(c.encode() for c in blank_characters() if not c.isascii())

    def state(self, phase: Phase, key: Hashable = b"") -> int:
        """Return the state of this name, a new one where there is none."""
        return self._ids.setdefault((phase, key), len(self._ids))

    def edge(self, source: int, byte: int, target: int, opens: int = 0, closes: int = 0) -> None:
        """Add a transition."""
        self._edges.append((source, byte, target, opens, closes))

    def build(self, start: int, final: int) -> ByteDfa:
        """Make the tables of all states and edges."""
        count = len(self._ids)
        source, byte, target, opens, closes = np.array(self._edges).T
        tables = [np.full((count + 1, 256), count, np.int32)]
        tables += [np.zeros((count + 1, 256), np.int8) for _ in range(2)]
        for table, values in zip(tables, (target, opens, closes), strict=True):
            table[source, byte] = values
        phases = np.array([self._phase(*name) for name in self._ids], np.int8)
        has_events = bool(opens.any() or closes.any())
        return ByteDfa(start, final, tables[0], phases, *(tables[1:] if has_events else ()))

    def _phase(self, phase: Phase, key: Hashable) -> Phase:
        if phase is not Phase.OUTPUT or not isinstance(key, bytes) or not key:
            return phase
        return Phase.CLOSING if self._closing.startswith(key) else phase

    def add_text(
        self,
        phase: Phase,
        moves: Mapping[bytes, tuple[int, int, int]],
        *,
        forbidden: frozenset[bytes] = frozenset(),
        solid: Phase | None = None,
    ) -> None:
        """Add the text of a section.

        moves: the tags that lead on, as (state, opens, closes); forbidden: tags that the text may
        not hold, whatever the format guards; solid: the phase that the text moves to at its first
        character that is not blank.
        """
        full = phase if solid is None else solid
        tags = {*self._guarded, *moves, *forbidden}
        prefixes = sorted({tag[:end] for tag in tags for end in range(1, len(tag))})
        for node in (b"", *prefixes):
            state = self.state(phase, node)
            for byte in range(0x80):
                word = node + bytes([byte])
                if byte == LESS_THAN:  # a tag that failed is text: it makes the section solid
                    self.edge(state, byte, self.state(full if node else phase, b"<"))
                elif word in moves:
                    self.edge(state, byte, *moves[word])
                elif word in tags:
                    continue
                elif word in prefixes:
                    self.edge(state, byte, self.state(phase, word))
                else:
                    is_blank = not node and chr(byte) in blank_characters()
                    self.edge(state, byte, self.state(phase if is_blank else full))
            self._add_leads(
                state, full, frozenset() if solid is None or node else self._long_blanks
            )
        if solid is None:
            for rest in CONTINUATION_BYTES:
                self._add_continuations(self.state(phase, ("utf8", rest)), phase, rest)

    def _add_leads(self, state: int, phase: Phase, blanks: frozenset[bytes]) -> None:
        for low, high, rest in LEAD_BYTES:
            for byte in range(low, high + 1):
                self.edge(state, byte, self._inside_character(phase, rest, blanks, byte))

    def _inside_character(
        self, phase: Phase, rest: str | None, blanks: frozenset[bytes], byte: int
    ) -> int:
        """Return the state after a byte of a long character that `rest` tells how to complete.

        blanks: how the characters go on that would leave the output blank. As long as the bytes
        are those of one of them, the state is one of OUTPUT_BLANK, else it is one of `phase`.
        """
        left = frozenset(blank[1:] for blank in blanks if blank[0] == byte)
        if not left:
            return self.state(phase, b"" if rest is None else ("utf8", rest))
        if rest is None:
            return self.state(Phase.OUTPUT_BLANK)
        is_new = (Phase.OUTPUT_BLANK, left) not in self._ids
        state = self.state(Phase.OUTPUT_BLANK, left)
        if is_new:
            self._add_continuations(state, phase, rest, left)
        return state

    def _add_continuations(
        self, state: int, phase: Phase, rest: str, blanks: frozenset[bytes] = frozenset()
    ) -> None:
        low, high, then = CONTINUATION_BYTES[rest]
        for byte in range(low, high + 1):
            self.edge(state, byte, self._inside_character(phase, then, blanks, byte))
