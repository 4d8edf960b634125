"""The byte DFA: the reply format, exact at byte level.

A section's text is an Aho-Corasick automaton over the six tags, joined with the states of an
unfinished UTF-8 character. `<` stands only at offset 0 of a tag, so every failure link leads to
the root and `<` always leads to the node of `<`. Completing a tag that is not legal in its phase
leads nowhere. UTF-8 is strict: no over-long forms, no surrogates, nothing above U+10FFFF (Unicode
standard, table 3-7).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from decoding.blank import blank_characters
from decoding.format import BLANK, TAGGED, ReplyFormat, Section

BLANK_BYTES = BLANK.encode()
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
    """Where in the reply a state stands."""

    START = 0
    THINKING = 1
    REFLECTION = 2
    BETWEEN = 3
    OUTPUT_BLANK = 4
    OUTPUT = 5
    END = 6
    DONE = 7


class ByteDfa:
    """States and byte transitions of one format; built once, then only read.

    next: (states + 1, 256) int16, the last state is the dead one
    opens: (states + 1, 256) int16, reflections that the transition opens
    closes: (states + 1, 256) int16, thinking blocks that it closes
    phases: (states,) int8, a Phase each
    """

    def __init__(self, format: ReplyFormat) -> None:
        """Build the states and transitions of the format; END leads to DONE only by EOS."""
        self._ids: dict[tuple[Phase, Hashable], int] = {}
        self._edges: list[tuple[int, int, int, int, int]] = []
        self._tags = tuple(tag.encode() for tag in format.tags)
        self._prefixes = sorted({tag[:k] for tag in self._tags for k in range(1, len(tag))})
        self._long_blanks = frozenset(c.encode() for c in blank_characters() if not c.isascii())
        opening = {s: format.open(s).encode() for s in TAGGED}
        closing = {s: format.close(s).encode() for s in TAGGED}

        self.start = self._state(Phase.START, b"")
        between = self._state(Phase.BETWEEN, 0)
        thinking = self._state(Phase.THINKING, b"")
        reflection = self._state(Phase.REFLECTION, b"")
        output = self._state(Phase.OUTPUT_BLANK, b"")
        self.end = self._state(Phase.END, b"")
        self.done = self._state(Phase.DONE, b"")

        self._add_literals(Phase.START, {opening[Section.THINKING]: thinking})
        self._add_blank(format.max_blank)
        self._add_literals(
            Phase.BETWEEN, {opening[Section.THINKING]: thinking, opening[Section.OUTPUT]: output}
        )
        self._add_text(
            Phase.THINKING,
            {
                closing[Section.THINKING]: (between, 0, 1),
                opening[Section.REFLECTION]: (reflection, 1, 0),
            },
        )
        self._add_text(Phase.REFLECTION, {closing[Section.REFLECTION]: (thinking, 0, 0)})
        self._add_text(Phase.OUTPUT_BLANK, {}, solid=Phase.OUTPUT)
        self._add_text(Phase.OUTPUT, {closing[Section.OUTPUT]: (self.end, 0, 0)})
        self._freeze()

    def _state(self, phase: Phase, key: Hashable) -> int:
        return self._ids.setdefault((phase, key), len(self._ids))

    def _edge(self, source: int, byte: int, target: int, opens: int = 0, closes: int = 0) -> None:
        self._edges.append((source, byte, target, opens, closes))

    def _add_literals(self, phase: Phase, tags: Mapping[bytes, int]) -> None:
        """Spell each tag byte by byte; b"" is the state before its first byte (or any blank's)."""
        for tag, target in tags.items():
            for k in range(1 if phase is Phase.BETWEEN else 0, len(tag)):
                after = target if k + 1 == len(tag) else self._state(phase, tag[: k + 1])
                self._edge(self._state(phase, tag[:k]), tag[k], after)

    def _add_blank(self, max_blank: int) -> None:
        """Count the blank bytes after a closed thinking block; `<` begins the next tag."""
        for count in range(max_blank + 1):
            state = self._state(Phase.BETWEEN, count)
            if count < max_blank:
                for byte in BLANK_BYTES:
                    self._edge(state, byte, self._state(Phase.BETWEEN, count + 1))
            self._edge(state, LESS_THAN, self._state(Phase.BETWEEN, b"<"))

    def _add_text(
        self, phase: Phase, moves: Mapping[bytes, tuple[int, int, int]], solid: Phase | None = None
    ) -> None:
        """Add the text of a section; `solid` is the phase it moves to at its first non-blank."""
        full = phase if solid is None else solid
        for node in (b"", *self._prefixes):
            state = self._state(phase, node)
            for byte in range(0x80):
                word = node + bytes([byte])
                if byte == LESS_THAN:  # a tag that failed is text: it makes the section solid
                    self._edge(state, byte, self._state(full if node else phase, b"<"))
                elif word in moves:
                    self._edge(state, byte, *moves[word])
                elif word in self._tags:
                    continue
                elif word in self._prefixes:
                    self._edge(state, byte, self._state(phase, word))
                else:
                    is_blank = not node and chr(byte) in blank_characters()
                    self._edge(state, byte, self._state(phase if is_blank else full, b""))
            self._add_leads(
                state, full, frozenset() if solid is None or node else self._long_blanks
            )
        if solid is None:
            for rest in CONTINUATION_BYTES:
                self._add_continuations(self._state(phase, ("utf8", rest)), phase, rest)

    def _add_leads(self, state: int, phase: Phase, blanks: frozenset[bytes]) -> None:
        for low, high, rest in LEAD_BYTES:
            for byte in range(low, high + 1):
                self._edge(state, byte, self._inside_character(phase, rest, blanks, byte))

    def _inside_character(
        self, phase: Phase, rest: str | None, blanks: frozenset[bytes], byte: int
    ) -> int:
        """Return the state after a byte of a long character that `rest` tells how to complete.

        blanks: how the characters go on that would leave the output blank. As long as the bytes
        are those of one of them, the state is one of OUTPUT_BLANK, else it is one of `phase`.
        """
        left = frozenset(blank[1:] for blank in blanks if blank[0] == byte)
        if not left:
            return self._state(phase, b"" if rest is None else ("utf8", rest))
        if rest is None:
            return self._state(Phase.OUTPUT_BLANK, b"")
        is_new = (Phase.OUTPUT_BLANK, left) not in self._ids
        state = self._state(Phase.OUTPUT_BLANK, left)
        if is_new:
            self._add_continuations(state, phase, rest, left)
        return state

    def _add_continuations(
        self, state: int, phase: Phase, rest: str, blanks: frozenset[bytes] = frozenset()
    ) -> None:
        low, high, then = CONTINUATION_BYTES[rest]
        for byte in range(low, high + 1):
            self._edge(state, byte, self._inside_character(phase, then, blanks, byte))

    def _freeze(self) -> None:
        count = len(self._ids)
        self.num_states = count
        self.next: npt.NDArray[np.int16] = np.full((count + 1, 256), count, np.int16)
        self.opens: npt.NDArray[np.int16] = np.zeros((count + 1, 256), np.int16)
        self.closes: npt.NDArray[np.int16] = np.zeros((count + 1, 256), np.int16)
        source, byte, target, opens, closes = np.array(self._edges).T
        self.next[source, byte] = target
        self.opens[source, byte] = opens
        self.closes[source, byte] = closes
        self.phases = np.array([phase for phase, _ in self._ids], np.int8)

    def walk(self, text: bytes, state: int | None = None) -> int:
        """Return the state after `text`; `num_states` is the dead one."""
        at = self.start if state is None else state
        for byte in text:
            at = int(self.next[at, byte])
        return at
