"""The NFA of a grammar: built from the end to the start, so that equal rests are one state."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any, TypeAlias

from decoding.grammars.grammar import Chars, Either, GrammarError, Join, Node, Ranges, Repeat, Text
from decoding.grammars.utf8 import END, Edges, Encoding

Building: TypeAlias = Generator[tuple[Node, int], Any, int]
"""Asks for the entries of nodes before given states, returns an entry."""

ACCEPT = 0
DEAD = 1


class Work:
    """A bound on the work of one compilation, and with it on its time and memory."""

    def __init__(self, limit: int) -> None:
        """Permit `limit` elementary steps."""
        self.left = limit

    def spend(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            raise GrammarError(
                "expected a constraint that compiles within the limits, "
                "this one is too large or too ambiguous: "
                "simplify it, lower its counts or split it"
            )


class Nfa:
    """States with edges on byte ranges and empty moves; one per compilation.

    edges[state]: (low byte, high byte, target), disjoint, sorted
    empties[state]: the states that are entered with it
    State ACCEPT ends a text, nothing leaves DEAD.
    """

    def __init__(self, work: Work) -> None:
        """Begin with ACCEPT and DEAD."""
        self.edges: list[Edges] = [(), ()]
        self.empties: list[tuple[int, ...]] = [(), ()]
        self._work = work
        self._ids: dict[tuple[Edges, tuple[int, ...]], int] = {}
        self._entries: dict[tuple[int, int], int] = {}
        self._encodings: dict[Ranges, Encoding] = {}

    def add(self, node: Node, then: int) -> int:
        """Return the state that reads the node and goes on with state `then`.

        Nodes are stacked here, not on Python's stack: any depth of nesting is fine.
        """
        building, waiting = self._build(node, then), list[Building]()
        entry = None
        while True:
            try:
                node, then = building.send(entry)
            except StopIteration as end:
                entry = int(end.value)
                if not waiting:
                    return entry
                building = waiting.pop()
            else:
                waiting.append(building)
                building, entry = self._build(node, then), None

    def _build(self, node: Node, then: int) -> Building:
        self._work.spend(5)
        key = (id(node), then)
        if key not in self._entries:
            self._entries[key] = yield from self._rule(node, then)
        return self._entries[key]

    def _rule(self, node: Node, then: int) -> Building:
        match node:
            case Join(parts):
                for part in reversed(parts):
                    then = yield part, then
                return then
            case Either(options):
                entries: dict[int, None] = {}
                for option in options:
                    entries[(yield option, then)] = None
                return self._any_of(entries)
            case Repeat(part, least, most):
                if most is None:
                    then = yield from self._loop(part, then)
                else:
                    then = yield from self._optional(part, most - least, then)
                return (yield from self._copies(part, least, then))
            case Text(data):
                for byte in reversed(data):
                    then = self._state(((byte, byte, then),))
                return then
            case Chars(ranges):
                return self._character(ranges, then)

    def _loop(self, part: Node, then: int) -> Building:
        """Return the state that reads the part any number of times."""
        self._work.spend(10)
        state = len(self.edges)
        self.edges.append(())
        self.empties.append(())
        entry = yield part, state
        self.empties[state] = (entry, then)
        return state

    def _optional(self, part: Node, most: int, then: int) -> Building:
        """Return the state that reads the part at most so many times; DEAD if that is negative."""
        after = then if most >= 0 else DEAD
        for _ in range(most):
            longer = self._any_of([(yield part, after), then])
            if longer == after:
                break
            after = longer
        return after

    def _copies(self, part: Node, count: int, then: int) -> Building:
        for _ in range(count):
            entry = yield part, then
            if entry == then:
                break
            then = entry
        return then

    def _character(self, ranges: Ranges, then: int) -> int:
        if ranges not in self._encodings:
            self._work.spend(10 * len(ranges))
            self._encodings[ranges] = Encoding(ranges)
        entry, states = DEAD, list[int]()
        for edges in self._encodings[ranges].states:
            entry = self._state(
                tuple((low, high, then if to == END else states[to]) for low, high, to in edges)
            )
            states.append(entry)
        return entry

    def _any_of(self, entries: Iterable[int]) -> int:
        distinct = tuple(dict.fromkeys(entry for entry in entries if entry != DEAD))
        if len(distinct) > 1:
            return self._state((), distinct)
        return distinct[0] if distinct else DEAD

    def _state(self, edges: Edges, empties: tuple[int, ...] = ()) -> int:
        key = (edges, empties)
        known = self._ids.get(key)
        if known is None:
            self._work.spend(10 + len(edges) + len(empties))
            known = self._ids[key] = len(self.edges)
            self.edges.append(edges)
            self.empties.append(empties)
        return known
