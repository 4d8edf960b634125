"""JSON strings by length, pattern and format, as grammars."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

from decoding.grammar import Chars, Either, GrammarError, Join, Node, Repeat, Text
from decoding.json_format import format_node
from decoding.json_text import (
    COUNTED_CHARACTER,
    QUOTE,
    STRING,
    either,
    joined,
    quoted,
    repeated,
)
from decoding.pattern import search


@dataclass(frozen=True, slots=True)
class StringRules:
    """What a string must be; lengths are in characters, an escape counts as one."""

    least: int = 0
    most: int | None = None
    patterns: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()


def string(rules: StringRules) -> Node:
    """Return the strings, with their quotes; nothing where no string can follow the rules.

    Raises:
        GrammarError: a pattern that is not supported, or rules that cannot be combined.
    """
    if len(rules.patterns) + len(rules.formats) > 1:
        raise GrammarError(
            "expected one pattern or format for a string, came "
            f"{', '.join(map(repr, rules.patterns + rules.formats)):.120}: write them as one"
        )
    if rules.patterns:
        return _matching(search(rules.patterns[0]), rules)
    if rules.formats:
        return _matching(format_node(rules.formats[0]), rules)
    if rules.least == 0 and rules.most is None:
        return STRING
    return joined(QUOTE, repeated(COUNTED_CHARACTER, rules.least, rules.most), QUOTE)


def _matching(node: Node, rules: StringRules) -> Node:
    return quoted(_Lengths().within(node, rules.least, rules.most))


class _Lengths:
    """The lengths of texts in characters; one per tree, which it keeps alive."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Node, int, int | None]] = {}

    def of(self, node: Node) -> tuple[int, int | None]:
        """Return the least and the most characters of a text; None is without end."""
        if id(node) not in self._known:
            self._known[id(node)] = (node, *self._measure(node))
        return self._known[id(node)][1:]

    def _measure(self, node: Node) -> tuple[int, int | None]:
        match node:
            case Text(data):
                return len(data.decode()), len(data.decode())
            case Chars():
                return 1, 1
            case Either(options):
                lengths = [self.of(option) for option in options]
                mosts = [most for _, most in lengths]
                least = min((least for least, _ in lengths), default=0)
                return least, _most(mosts, max(filter(None, mosts), default=0))
            case Join(parts):
                lengths = [self.of(part) for part in parts]
                mosts = [most for _, most in lengths]
                return sum(least for least, _ in lengths), _most(mosts, sum(filter(None, mosts)))
            case Repeat(part, least, most):
                shortest, longest = self.of(part)
                if longest == 0:
                    return 0, 0
                is_endless = most is None or longest is None
                return shortest * least, None if is_endless else (longest or 0) * (most or 0)

    def within(self, node: Node, least: int, most: int | None) -> Node:
        """Return texts of the node with so many characters: all of them, or a part in hard cases.

        Raises:
            GrammarError: the repetitions do not show which texts are of these lengths.
        """
        shortest, longest = self.of(node)
        if least <= shortest and (most is None or (longest is not None and longest <= most)):
            return node
        if (most is not None and shortest > most) or (longest is not None and longest < least):
            return Either(())
        match node:
            case Either(options):
                return either(self.within(option, least, most) for option in options)
            case Join(parts):
                return self._join(parts, least, most)
            case Repeat(part, from_, to):
                return self._repeat(part, from_, to, (least, most))
        raise AssertionError("one character has one length")

    def _repeat(
        self, part: Node, from_: int, to: int | None, lengths: tuple[int, int | None]
    ) -> Node:
        """Count so that any choice of parts is within the lengths."""
        least, most = lengths
        shortest, longest = self.of(part)
        if most is not None:
            if longest is None:
                longest = max(shortest, isqrt(most))
                part = self.within(part, shortest, longest)
            to = most // longest if to is None else min(to, most // longest)
        if least > shortest * from_:
            if shortest == 0:
                raise _not_combined()
            from_ = -(-least // shortest)
        return repeated(part, from_, to)

    def _join(self, parts: tuple[Node, ...], least: int, most: int | None) -> Node:
        """Share the room out among the parts whose lengths vary; the last one meets the least."""
        lengths = [self.of(part) for part in parts]
        varying = [at for at, (low, high) in enumerate(lengths) if low != high]
        needed = max(0, least - sum(low for low, _ in lengths))
        spare = None if most is None else most - sum(low for low, _ in lengths) - needed
        done = list(parts)
        for left, at in zip(range(len(varying), 0, -1), varying, strict=True):
            low, high = lengths[at]
            share = None if spare is None else spare // left
            if share is not None and high is not None:
                share = min(share, high - low)
            if spare is not None and share is not None:
                spare -= share
            extra = needed if left == 1 else 0
            done[at] = self.within(
                parts[at], low + extra, None if share is None else low + extra + share
            )
        return joined(*done)


def _most(mosts: list[int | None], bounded: int) -> int | None:
    return None if None in mosts else bounded


def _not_combined() -> GrammarError:
    return GrammarError(
        "minLength or maxLength cannot be enforced beside this pattern or format: "
        "write the length into the pattern, such as ^[a-z]{1,20}$"
    )
