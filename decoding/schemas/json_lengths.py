"""The lengths of a grammar's texts, in characters, and the texts of certain lengths."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

from decoding.grammars.grammar import (
    EMPTY,
    MAX_CODE_POINT,
    NOTHING,
    Chars,
    Either,
    GrammarError,
    Join,
    Node,
    Ranges,
    Repeat,
    Text,
    map_chars,
    merged,
)
from decoding.grammars.nfa import ACCEPT, Nfa, Work
from decoding.grammars.subsets import Subsets
from decoding.schemas.json_text import either, joined, repeated

MAX_WORK = 200_000
MAX_STATES = 2_000
MAX_CELLS = 10_000
MAX_CLASSES = 127


def between(
    node: Node, least: int, most: int | None, write: Callable[[Ranges], Node] = Chars
) -> Node:
    """Return the texts with so many characters, each of them as `write` has it.

    Where there is a least and no most, perhaps not all of them.

    Raises:
        GrammarError: too large to count, or a least length that the repetitions do not show.
    """
    if most is not None and most < least:
        return NOTHING
    lengths = _Lengths()
    shortest, longest = lengths.of(node)
    if shortest >= least and (most is None or longest <= most):
        return map_chars(node, write)
    end = longest if most is None else min(longest, most)
    if end == math.inf:
        return map_chars(lengths.at_least(node, least), write)
    return _counted(node, least, int(end), write)


class _Lengths:
    """The lengths of the nodes of one tree, which it keeps alive; without end is infinite."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Node, int, float]] = {}

    def of(self, node: Node) -> tuple[int, float]:
        """Return the least and the most characters of a text."""
        if id(node) not in self._known:
            self._known[id(node)] = (node, *self._measure(node))
        return self._known[id(node)][1:]

    def _measure(self, node: Node) -> tuple[int, float]:
        match node:
            case Text(data):
                return len(data.decode()), len(data.decode())
            case Chars():
                return 1, 1
            case Either(options):
                lengths = [self.of(option) for option in options] or [(0, 0)]
                return min(low for low, _ in lengths), max(high for _, high in lengths)
            case Join(parts):
                lengths = [self.of(part) for part in parts]
                return sum(low for low, _ in lengths), sum(high for _, high in lengths)
            case Repeat(part, least, most):
                low, high = self.of(part)
                return low * least, high * (math.inf if most is None else most) if high else 0

    def at_least(self, node: Node, least: int) -> Node:
        """Return texts with so many characters: repetitions are taken to be as short as can be."""
        shortest, longest = self.of(node)
        if shortest >= least:
            return node
        if longest < least:
            return NOTHING
        match node:
            case Either(options):
                return either(self.at_least(option, least) for option in options)
            case Join(parts):
                return self._join(parts, least - shortest)
            case Repeat(part, _, most):
                low, _ = self.of(part)
                if low == 0:
                    raise GrammarError(
                        "minLength cannot be enforced beside this pattern: write the length into "
                        "the pattern, such as ^[a-z]{3,}$, or add a maxLength"
                    )
                return repeated(part, -(-least // low), most)
        raise AssertionError("one character has one length")

    def _join(self, parts: tuple[Node, ...], missing: int) -> Node:
        """Let one part, the last that can, be longer than it must."""
        for at in range(len(parts) - 1, -1, -1):
            low, high = self.of(parts[at])
            if high >= low + missing:
                longer = self.at_least(parts[at], low + missing)
                return joined(*parts[:at], longer, *parts[at + 1 :])
        raise GrammarError("minLength cannot be enforced beside this pattern: add a maxLength")


def _counted(node: Node, least: int, most: int, write: Callable[[Ranges], Node]) -> Node:
    """Unroll the automaton over characters, one copy of it for each length."""
    steps, is_end = _automaton(node, write)
    most = max(least, min(most, MAX_CELLS // len(steps)))
    if most * len(steps) > 4 * MAX_CELLS:
        raise GrammarError("expected a lower minLength beside this pattern")
    rests: list[Node] = [NOTHING for _ in steps]
    for count in range(most, -1, -1):
        rests = [
            either(
                (
                    EMPTY if is_end[state] and count >= least else NOTHING,
                    *(joined(chars, rests[to]) for chars, to in steps[state]),
                )
            )
            for state in range(len(steps))
        ]
    return rests[0]


def _automaton(
    node: Node, write: Callable[[Ranges], Node]
) -> tuple[list[list[tuple[Node, int]]], list[bool]]:
    """Return (characters, next state) of each state, and whether a text may end there."""
    classes = _classes(node)
    nfa = Nfa(Work(MAX_WORK))
    start = nfa.add(map_chars(node, lambda ranges: _symbols(classes, ranges)), ACCEPT)
    arcs = Subsets(nfa, Work(MAX_WORK), MAX_STATES).arcs(start)
    ways: list[dict[int, list[tuple[int, int]]]] = [{} for _ in arcs.accepting]
    columns = (column.tolist() for column in (arcs.source, arcs.low, arcs.high, arcs.target))
    for source, low, high, target in zip(*columns, strict=True):
        ways[source].setdefault(target, []).extend(classes[low : high + 1])
    steps = [[(write(merged(tuple(c))), to) for to, c in way.items()] for way in ways]
    return steps, arcs.accepting.tolist()


def _classes(node: Node) -> list[tuple[int, int]]:
    """Return ranges of characters that no part of the node tells apart."""
    cuts = {0, MAX_CODE_POINT + 1}

    def cut(ranges: Ranges) -> Node:
        for low, high in ranges:
            cuts.update((low, high + 1))
        return EMPTY

    map_chars(node, cut)
    if len(cuts) > MAX_CLASSES:
        raise GrammarError("expected a pattern with fewer ranges of characters beside a maxLength")
    ordered = sorted(cuts)
    return [(low, after - 1) for low, after in itertools.pairwise(ordered)]


def _symbols(classes: list[tuple[int, int]], ranges: Ranges) -> Node:
    """Return the classes within the ranges, each as one byte in place of its characters."""
    return either(
        Text(bytes((at,)))
        for at, (low, high) in enumerate(classes)
        if any(first <= low and high <= last for first, last in ranges)
    )
