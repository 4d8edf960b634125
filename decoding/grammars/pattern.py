r"""The pattern: ECMA-262's regular expressions as grammars, those that are regular.

Look-around, back-references, word boundaries and flags are refused by name. `\d` and `\w` are
ASCII, `\s` is ECMA-262's white space, `.` is all but ECMA-262's line ends: Python and Rust read
these sets differently. Lazy quantifiers match the same texts as greedy ones. Python's `\A`, `\Z`
and `(?P<name>` are read too.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import TypeAlias

from decoding.grammars.grammar import ANY, EMPTY, Chars, Either, Join, Node, Repeat, Text
from decoding.grammars.pattern_characters import Characters
from decoding.grammars.pattern_counts import read_count

MAX_NESTING = 50

Anchors: TypeAlias = tuple[bool, bool]
"""Whether a text must begin where the whole text does, and end where it does."""
Anchored: TypeAlias = Mapping[Anchors, Node]

FREE: Anchors = (False, False)
GROUP_NAME = re.compile(r"P?<[A-Za-z_][A-Za-z0-9_]*>")
REFUSED_GROUPS = {
    "=": "look-ahead",
    "!": "look-ahead",
    "<=": "look-behind",
    "<!": "look-behind",
    ">": "an atomic group",
    "P=": "a back-reference",
    "P>": "recursion",
    "#": "a comment",
}
ANCHORS: Mapping[str, Anchors] = {
    "^": (True, False),
    "\\A": (True, False),
    "$": (False, True),
    "\\Z": (False, True),
    "\\z": (False, True),
}


def parse(pattern: str) -> Node:
    """Return the grammar of the texts that match the pattern as a whole.

    Raises:
        GrammarError: malformed or not supported; names the position.
    """
    return _either(_Parser(pattern).parse().values())


def search(pattern: str) -> Node:
    """Return the grammar of the texts that have a match anywhere, as in JSON Schema's `pattern`."""
    around = Repeat(ANY)
    return _either(
        Join((EMPTY if begins else around, node, EMPTY if ends else around))
        for (begins, ends), node in _Parser(pattern).parse().items()
    )


class _Parser:
    """One pass over a pattern; nested groups are on Python's stack and therefore capped."""

    def __init__(self, pattern: str) -> None:
        self._characters = Characters(pattern)
        self._depth = 0

    def parse(self) -> Anchored:
        node = self._alternatives()
        if not self._characters.is_at_end:
            raise self._characters.error("expected no `)` here, no group is open: escape it")
        return node

    def _alternatives(self) -> Anchored:
        options: dict[Anchors, list[Node]] = defaultdict(list)
        while True:
            for anchors, node in self._branch().items():
                options[anchors].append(node)
            if not self._characters.take("|"):
                return {anchors: _either(nodes) for anchors, nodes in options.items()}

    def _branch(self) -> Anchored:
        characters = self._characters
        ways: dict[Anchors, list[Node]] = {FREE: []}
        while not (characters.is_at_end or characters.peek("|") or characters.peek(")")):
            start = characters.at
            ways = self._follow(ways, self._term(), start)
        return {anchors: _join(parts) for anchors, parts in ways.items()}

    def _follow(
        self, ways: dict[Anchors, list[Node]], term: Anchored, start: int
    ) -> dict[Anchors, list[Node]]:
        """Append a term, which began at `start`, to each way to read the branch so far."""
        longer: dict[Anchors, list[list[Node]]] = defaultdict(list)
        for (begins, ends), parts in ways.items():
            for (must_begin, must_end), node in term.items():
                if must_begin and parts:
                    raise self._characters.error("`^` can match only where the text begins", start)
                if ends and node != EMPTY:
                    raise self._characters.error("nothing can match after `$`", start)
                way = parts.copy() if len(term) > 1 else parts
                if node != EMPTY:
                    way.append(node)
                longer[begins or must_begin, ends or must_end].append(way)
        return {
            anchors: same[0] if len(same) == 1 else [_either(map(_join, same))]
            for anchors, same in longer.items()
        }

    def _term(self) -> Anchored:
        """Read one character, set, group or anchor, and how often it is repeated."""
        characters = self._characters
        start = characters.at
        if read_count(characters) is not None:
            raise characters.error("expected something to repeat before a quantifier", start)
        term = self._once()
        count = read_count(characters)
        if count is None:
            return term
        if not characters.take("?") and characters.peek("+"):
            raise characters.error("possessive quantifiers are not supported: leave the `+` out")
        again = characters.at
        if read_count(characters) is not None:
            raise characters.error("expected one quantifier: put a group around the first", again)
        return self._repeat(term, *count, start)

    def _repeat(self, term: Anchored, least: int, most: int | None, start: int) -> Anchored:
        if set(term) == {FREE}:
            return {FREE: Repeat(term[FREE], least, most)}
        if (least, most) != (0, 1):
            raise self._characters.error("an anchor cannot be repeated", start)
        return {**term, FREE: _either([term.get(FREE, EMPTY), EMPTY])}

    def _once(self) -> Anchored:
        for sign, anchors in ANCHORS.items():
            if self._characters.take(sign):
                return {anchors: EMPTY}
        if self._characters.take("("):
            return self._group()
        ranges = self._characters.read_set()
        if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
            return {FREE: Text(chr(ranges[0][0]).encode())}
        return {FREE: Chars(ranges)}

    def _group(self) -> Anchored:
        """Read a group after its opening parenthesis."""
        characters = self._characters
        start = characters.at - 1
        if characters.take("?"):
            self._read_kind()
        if self._depth == MAX_NESTING:
            raise characters.error(f"expected groups nested at most {MAX_NESTING} deep")
        self._depth += 1
        node = self._alternatives()
        self._depth -= 1
        if not characters.take(")"):
            raise characters.error("expected a closing `)` for this group", start)
        return node

    def _read_kind(self) -> None:
        """Read what follows `(?`: a colon or a name."""
        characters = self._characters
        if characters.take(":"):
            return
        name = GROUP_NAME.match(characters.pattern, characters.at)
        if name is not None:
            characters.at = name.end()
            return
        for sign, kind in REFUSED_GROUPS.items():
            if characters.peek(sign):
                raise characters.error(f"{kind} is not supported: write the pattern without it")
        raise characters.error("expected `(?:` or `(?<name>`; inline flags are not supported")


def _either(nodes: Iterable[Node]) -> Node:
    options = tuple(nodes)
    return options[0] if len(options) == 1 else Either(options)


def _join(parts: list[Node]) -> Node:
    """Return the parts as one node, neighbouring characters as one text."""
    joined: list[Node] = []
    for is_text, run in groupby(parts, lambda part: isinstance(part, Text)):
        if is_text:
            joined.append(Text(b"".join(part.data for part in run if isinstance(part, Text))))
        else:
            joined.extend(run)
    return joined[0] if len(joined) == 1 else Join(tuple(joined))
