"""Minimisation: the least DFA of the same language, by partition refinement on arrays.

J. Jacobs and T. Wißmann, Fast Coalgebraic Bisimilarity Minimization (POPL 2023): a state is looked
at again only when one it leads to changed its block, and of a block that splits the largest part
keeps its number, so that a state is looked at O(log states) times for each of its arcs. Rows are
compared by random hashes, and the result is checked exactly.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from decoding.grammars.nfa import Work
from decoding.grammars.subsets import Arcs, Ints

Hashes: TypeAlias = npt.NDArray[np.uint64]

DEAD_BLOCK = 0
CHUNK = 1 << 20
STEPS_OF_A_ROUND = 300
CELLS_OF_A_STEP = 128


class Partition:
    """The states in blocks: first by their distance to the end, then by where they lead.

    table: (columns, states + 1) int32, the last state is the dead one
    blocks: (states + 1,) the number of each state's block
    columns: (256,) the column of each byte
    """

    def __init__(self, arcs: Arcs, work: Work) -> None:
        """Put the states of these arcs into the blocks of equal languages."""
        self._work = work
        self._num_states = len(arcs.accepting)
        self._lay_out(arcs)
        order = np.argsort(arcs.target, kind="stable")
        self._sources = arcs.source[order]
        self._first = np.searchsorted(arcs.target[order], np.arange(self._num_states + 2))
        self._random = np.random.default_rng(0)
        self._hashes: Hashes = np.zeros(self._num_states + 1, np.uint64)
        self.blocks = self._distances(np.flatnonzero(arcs.accepting)) + 1
        self._refine()
        while not self._is_stable():  # two rows that differ had the same hash
            self._refine()

    def _lay_out(self, arcs: Arcs) -> None:
        """Write the arcs as a dense table with one column for bytes that no arc tells apart."""
        edges = np.zeros(257, np.int64)
        edges[arcs.low] = 1
        edges[arcs.high + 1] = 1
        edges[0] = 0
        self.columns = np.cumsum(edges[:256])
        width = int(self.columns[-1]) + 1
        self.table = np.full((width, self._num_states + 1), self._num_states, np.int32)
        first, last = self.columns[arcs.low], self.columns[arcs.high]
        for column in range(width):
            inside = (first <= column) & (column <= last)
            self.table[column, arcs.source[inside]] = arcs.target[inside]

    def _before(self, states: Ints) -> Ints:
        """Return the states with an arc to one of these."""
        first, counts = self._first[states], self._first[states + 1] - self._first[states]
        ends = np.cumsum(counts)
        at = np.arange(counts.sum()) + np.repeat(first - ends + counts, counts)
        return np.unique(self._sources[at])

    def _distances(self, accepting: Ints) -> Ints:
        """Return the least number of bytes to the end; -1 where there is no way to it."""
        distances = np.full(self._num_states + 1, -1)
        frontier, distance = accepting, 0
        while len(frontier):
            self._work.spend(STEPS_OF_A_ROUND // 3)
            distances[frontier] = distance
            before = self._before(frontier)
            frontier, distance = before[distances[before] < 0], distance + 1
        return distances

    def _refine(self) -> None:
        self._of_block = self._draw(self._num_states + 2)
        self._of_column = self._draw(len(self.table))
        stale = np.arange(self._num_states + 1)
        count = int(self.blocks.max()) + 1
        while len(stale):
            cells = len(stale) * len(self.table) + self._num_states
            self._work.spend(STEPS_OF_A_ROUND + cells // CELLS_OF_A_STEP)
            self._hash(stale)
            moved, count = self._split(stale, count)
            stale = self._before(moved)

    def _draw(self, size: int) -> Hashes:
        return self._random.integers(1 << 64, size=size, dtype=np.uint64)

    def _hash(self, states: Ints) -> None:
        step = max(1, CHUNK // len(self.table))
        for at in range(0, len(states), step):
            part = states[at : at + step]
            of_targets = self._of_block[self.blocks[self.table[:, part]]]
            self._hashes[part] = (of_targets * self._of_column[:, None]).sum(axis=0)

    def _split(self, stale: Ints, count: int) -> tuple[Ints, int]:
        """Split the blocks of these states by hash; return the states that moved, the new count."""
        is_touched = np.zeros(count, np.bool_)
        is_touched[self.blocks[stale]] = True
        states = np.flatnonzero(is_touched[self.blocks])
        states = states[np.lexsort((self._hashes[states], self.blocks[states]))]
        blocks, hashes = self.blocks[states], self._hashes[states]
        is_first = np.append(True, (np.diff(blocks) != 0) | (hashes[1:] != hashes[:-1]))
        first = np.flatnonzero(is_first)
        sizes = np.diff(np.append(first, len(states)))
        by_size = np.lexsort((-sizes, blocks[first]))
        is_new = np.append(False, np.diff(blocks[first][by_size]) == 0)
        numbers = blocks[first]
        numbers[by_size[is_new]] = np.arange(count, count + is_new.sum())
        numbers = np.repeat(numbers, sizes)
        self.blocks[states] = numbers
        return states[numbers != blocks], count + int(is_new.sum())

    def _is_stable(self) -> bool:
        """Whether all states of a block lead to the same blocks."""
        first = np.zeros(int(self.blocks.max()) + 1, np.int64)
        first[self.blocks] = np.arange(len(self.blocks))
        return all(
            np.array_equal(self.blocks[row], self.blocks[row[first[self.blocks]]])
            for row in self.table
        )
