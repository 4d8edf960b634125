"""The subset construction: an NFA's reachable sets of states as the states of a DFA."""

from __future__ import annotations

import itertools
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decoding.grammars.grammar import GrammarError
from decoding.grammars.nfa import ACCEPT, Nfa, Work

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Arcs:
    """A DFA as a list of arcs on byte ranges; the start is state 0.

    source, low, high, target: (arcs,) int64
    accepting: (states,) bool
    """

    source: Ints
    low: Ints
    high: Ints
    target: Ints
    accepting: npt.NDArray[np.bool_]


class Subsets:
    """The reachable sets, numbered in the order of discovery; one per compilation."""

    def __init__(self, nfa: Nfa, work: Work, max_states: int) -> None:
        """Work on this NFA, within these bounds."""
        self._nfa = nfa
        self._work = work
        self._max_states = max_states
        self._closures: dict[int, frozenset[int]] = {}
        self._ids: dict[frozenset[int], int] = {}
        self._sets: list[frozenset[int]] = []
        self._single: dict[int, int] = {}

    def arcs(self, start: int) -> Arcs:
        """Return the DFA of all texts that lead from `start` to ACCEPT."""
        self._number(start)
        rows = array("i")
        source = 0
        while source < len(self._sets):  # grows within
            for low, high, target in self._leave(self._sets[source]):
                rows.extend((source, low, high, target))
            source += 1
        sources, lows, highs, targets = np.array(rows, np.int64).reshape(-1, 4).T
        accepting = np.array([ACCEPT in states for states in self._sets])
        return Arcs(sources, lows, highs, targets, accepting)

    def _leave(self, states: frozenset[int]) -> Iterator[tuple[int, int, int]]:
        """Yield the arcs out of a set, in disjoint ranges."""
        if len(states) == 1:
            (state,) = states
            edges = self._nfa.edges[state]
            self._work.spend(1 + len(edges))
            for low, high, target in edges:
                yield low, high, self._number(target)
            return
        for low, high, targets in self._disjoint(self._edges(states)):
            self._work.spend(len(targets))
            if len(targets) == 1:
                yield low, high, self._number(*targets)
            else:
                yield low, high, self._number_union(targets)

    def _edges(self, states: frozenset[int]) -> dict[tuple[int, int], set[int]]:
        edges: dict[tuple[int, int], set[int]] = {}
        for state in states:
            leaving = self._nfa.edges[state]
            self._work.spend(1 + len(leaving))
            for low, high, target in leaving:
                edges.setdefault((low, high), set()).add(target)
        return edges

    def _disjoint(self, edges: dict[tuple[int, int], set[int]]) -> list[tuple[int, int, set[int]]]:
        """Cut edges on ranges that may overlap into edges on disjoint ranges."""
        ordered = sorted(edges)
        if all(before[1] < after[0] for before, after in itertools.pairwise(ordered)):
            return [(low, high, edges[low, high]) for low, high in ordered]
        cuts = sorted({low for low, _ in ordered} | {high + 1 for _, high in ordered})
        pieces: list[set[int]] = [set() for _ in cuts]
        for low, high in ordered:
            first, last = bisect_left(cuts, low), bisect_left(cuts, high + 1)
            self._work.spend((last - first) * len(edges[low, high]))
            for at in range(first, last):
                pieces[at] |= edges[low, high]
        return [
            (low, after - 1, piece)
            for (low, after), piece in zip(itertools.pairwise(cuts), pieces, strict=False)
            if piece
        ]

    def _number(self, state: int) -> int:
        known = self._single.get(state)
        if known is None:
            known = self._single[state] = self._intern(self._closure(state))
        return known

    def _number_union(self, states: set[int]) -> int:
        closures = [self._closure(state) for state in states]
        self._work.spend(sum(map(len, closures)))
        return self._intern(frozenset().union(*closures))

    def _intern(self, states: frozenset[int]) -> int:
        known = self._ids.get(states)
        if known is None:
            self._work.spend(2 * len(states))
            known = self._ids[states] = len(self._sets)
            self._sets.append(states)
            if known >= self._max_states:
                raise GrammarError(
                    f"expected a constraint of at most {self._max_states:,} states before "
                    "minimisation, this one is too large: simplify it or lower its counts"
                )
        return known

    def _closure(self, state: int) -> frozenset[int]:
        """Return the states with edges, and ACCEPT, that are entered together with this one."""
        known = self._closures.get(state)
        if known is None:
            seen, stack = {state}, [state]
            while stack:
                new = set(self._nfa.empties[stack.pop()]) - seen
                seen |= new
                stack.extend(new)
            self._work.spend(2 * len(seen))
            nfa = self._nfa
            known = frozenset(at for at in seen if at == ACCEPT or nfa.edges[at])
            self._closures[state] = known
        return known
