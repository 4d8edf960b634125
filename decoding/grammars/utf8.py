"""UTF-8: sets of code points as the byte sequences that encode them (Unicode, table 3-7)."""

from __future__ import annotations

from typing import TypeAlias

from decoding.grammars.grammar import SURROGATES, Ranges, merged

END = -1
Edges: TypeAlias = tuple[tuple[int, int, int], ...]

# first and last code point, continuation bytes, bits that mark the lead byte
WIDTHS = (
    (0x0000, 0x007F, 0, 0x00),
    (0x0080, 0x07FF, 1, 0xC0),
    (0x0800, 0xFFFF, 2, 0xE0),
    (0x10000, 0x10FFFF, 3, 0xF0),
)
CONTINUATION = 0x80


class Encoding:
    """The deterministic, minimal automaton of one character out of `ranges`.

    states: edges (low byte, high byte, target) of each state, sorted; a target is an earlier state
        or END. The last state is where a character begins; there is none if no character is left.
    """

    def __init__(self, ranges: Ranges) -> None:
        """Build the states for all scalar values in the ranges."""
        self.states: list[Edges] = []
        self._ids: dict[Edges, int] = {}
        edges: list[tuple[int, int, int]] = []
        scalars = _scalars(ranges)
        for first, last, width, mark in WIDTHS:
            clipped = tuple(
                (max(low, first), min(high, last))
                for low, high in scalars
                if low <= last and high >= first
            )
            edges += self._edges(clipped, width, mark)
        if edges:
            self._state(tuple(edges))

    def _state(self, edges: Edges) -> int:
        if edges not in self._ids:
            self._ids[edges] = len(self.states)
            self.states.append(edges)
        return self._ids[edges]

    def _edges(self, ranges: Ranges, width: int, mark: int) -> list[tuple[int, int, int]]:
        return [
            (mark + first, mark + last, self._rest(rest, width))
            for first, last, rest in _cut(ranges, 64**width)
        ]

    def _rest(self, ranges: Ranges, width: int) -> int:
        """Return the state before the last `width` bytes of a character."""
        if width == 0:
            return END
        return self._state(tuple(self._edges(ranges, width - 1, CONTINUATION)))


def _scalars(ranges: Ranges) -> Ranges:
    first, last = SURROGATES
    below = tuple((low, min(high, first - 1)) for low, high in ranges)
    above = tuple((max(low, last + 1), high) for low, high in ranges)
    return merged(below + above)


def _cut(ranges: Ranges, size: int) -> list[tuple[int, int, Ranges]]:
    """Cut sorted ranges into cells of `size`; neighbouring cells of the same content are one.

    Returns (first cell, last cell, ranges within each of these cells).
    """
    cells: list[tuple[int, int, list[tuple[int, int]]]] = []

    def put(first: int, last: int, piece: tuple[int, int]) -> None:
        if cells and cells[-1][1] == first:  # more of the cell that the range before ended in
            cells[-1][2].append(piece)
        else:
            cells.append((first, last, [piece]))

    for low, high in ranges:
        begin, end = low // size, high // size
        if begin == end:
            put(begin, begin, (low % size, high % size))
            continue
        put(begin, begin, (low % size, size - 1))
        if begin + 1 < end:
            put(begin + 1, end - 1, (0, size - 1))
        put(end, end, (0, high % size))
    runs: list[tuple[int, int, Ranges]] = []
    for first, last, pieces in cells:
        content = tuple(pieces)
        if runs and runs[-1][1] == first - 1 and runs[-1][2] == content:
            runs[-1] = (runs[-1][0], last, content)
        else:
            runs.append((first, last, content))
    return runs
