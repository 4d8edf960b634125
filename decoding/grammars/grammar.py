"""The grammar: the tree that a constraint on the answer is turned into, over Unicode text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

MAX_CODE_POINT = 0x10FFFF
SURROGATES = (0xD800, 0xDFFF)

Ranges: TypeAlias = tuple[tuple[int, int], ...]


class GrammarError(ValueError):
    """A constraint that cannot be compiled; the message is for the client.

    Malformed, unsupported, too large, or without any text that matches.
    """


class TooLargeError(GrammarError):
    """A constraint whose automaton has no room; one compiled to fewer states may have."""


@dataclass(frozen=True, slots=True)
class Text:
    """Exactly these bytes; a text may be a part of a character, the whole language is UTF-8."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Chars:
    """One Unicode scalar value out of inclusive ranges of code points; surrogates never match."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Join:
    """The parts, one after the other; without parts it is the empty text."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One of the options; without options it matches nothing."""

    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """The part at least `least` and at most `most` times; None is without end."""

    part: Node
    least: int = 0
    most: int | None = None


Node: TypeAlias = Text | Chars | Join | Either | Repeat

EMPTY = Join(())
NOTHING = Either(())
ANY = Chars(((0, MAX_CODE_POINT),))


def merged(ranges: Ranges) -> Ranges:
    """Return the same set of code points as sorted, disjoint ranges with gaps between them."""
    out: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if out and low <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(high, out[-1][1]))
        elif low <= high:
            out.append((low, high))
    return tuple(out)


def inverted(ranges: Ranges) -> Ranges:
    """Return all other code points."""
    out: list[tuple[int, int]] = []
    start = 0
    for low, high in merged(ranges):
        if start < low:
            out.append((start, low - 1))
        start = high + 1
    if start <= MAX_CODE_POINT:
        out.append((start, MAX_CODE_POINT))
    return tuple(out)


def map_chars(node: Node, change: Callable[[Ranges], Node]) -> Node:
    """Return the tree with `change(ranges)` for every set of characters and every one of a text.

    Each text must hold whole characters. A sub-tree that is shared is changed once.
    """
    done: dict[int, Node] = {}

    def visit(node: Node) -> Node:
        if id(node) not in done:
            done[id(node)] = rebuild(node)
        return done[id(node)]

    def rebuild(node: Node) -> Node:
        match node:
            case Text(data):
                return Join(tuple(change(((ord(c), ord(c)),)) for c in data.decode()))
            case Chars(ranges):
                return change(ranges)
            case Join(parts):
                return Join(tuple(map(visit, parts)))
            case Either(options):
                return Either(tuple(map(visit, options)))
            case Repeat(part, least, most):
                return Repeat(visit(part), least, most)

    return visit(node)
