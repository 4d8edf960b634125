"""JSON text as grammars: literals, strings, and lists with their separators.

After a colon or a comma one space may stand, as `json.dumps` writes it; no other white space may.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

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
    inverted,
)

MAX_CELLS = 200_000
UNESCAPED: Ranges = ((0x20, 0x21), (0x23, 0x5B), (0x5D, MAX_CODE_POINT))
ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r"}
ESCAPES["\t"] = "\\t"

HEX = Chars(((0x30, 0x39), (0x41, 0x46), (0x61, 0x66)))
NO_D = Chars(((0x30, 0x39), (0x41, 0x43), (0x45, 0x46), (0x61, 0x63), (0x65, 0x66)))
D = Chars(((0x44, 0x44), (0x64, 0x64)))
RAW = Chars(UNESCAPED)
SHORT = Join((Text(b"\\"), Chars(tuple((ord(c), ord(c)) for c in '"/\\bfnrt'))))
CODE = Either(
    (
        Join((NO_D, Repeat(HEX, 3, 3))),
        Join((D, Chars(((0x30, 0x37),)), Repeat(HEX, 2, 2))),  # the rest of D... is surrogates
    )
)
COUNTED_CHARACTER = Either((RAW, SHORT))
"""A character of a string whose length is counted: it costs states, so there is no `\\uXXXX`."""
CHARACTER = Either((RAW, SHORT, Join((Text(b"\\u"), CODE))))
QUOTE = Text(b'"')
STRING = Join((QUOTE, Repeat(CHARACTER), QUOTE))
SPACE = Repeat(Text(b" "), 0, 1)
COMMA = Join((Text(b","), SPACE))
COLON = Join((Text(b":"), SPACE))


def is_nothing(node: Node) -> bool:
    return isinstance(node, Either) and not node.options


def joined(*parts: Node) -> Node:
    """Return the parts one after the other: nothing where one of them is nothing."""
    return NOTHING if any(map(is_nothing, parts)) else Join(parts)


def either(options: Iterable[Node]) -> Node:
    """Return one of the options that are something."""
    some = tuple(option for option in options if not is_nothing(option))
    return some[0] if len(some) == 1 else Either(some)


def repeated(part: Node, least: int, most: int | None) -> Node:
    """Return the part so many times: nothing where that cannot be."""
    if most is not None and most < least:
        return NOTHING
    if is_nothing(part) or most == 0:
        return EMPTY if least <= 0 else NOTHING
    return Repeat(part, max(least, 0), most)


def listed(part: Node, least: int, most: int | None) -> Node:
    """Return the part so many times, with commas between."""
    more = None if most is None else most - 1
    some = joined(part, repeated(Join((COMMA, part)), least - 1, more)) if most != 0 else NOTHING
    return some if least > 0 else either((EMPTY, some))


def chosen(members: Sequence[tuple[Node, bool]], least: int, most: int | None) -> Node:
    """Return members in their order, with commas between; (member, whether it must be there).

    One way through for each number written so far, as far as the number matters.
    """
    is_capped = most is not None and most < len(members)
    cap = max(1, least) if most is None or not is_capped else most
    if least > len(members):
        return NOTHING
    if cap * len(members) > MAX_CELLS:
        raise GrammarError(
            f"expected a count of at most {MAX_CELLS // len(members):,} for {len(members):,} "
            f"members, came {cap:,}: leave the count out"
        )
    rests: list[Node] = [EMPTY if count >= least else NOTHING for count in range(cap + 1)]
    for member, is_required in reversed(members):
        rests = [
            either(
                (
                    _written(member, count, rests[min(count + 1, cap)])
                    if not is_capped or count < cap
                    else NOTHING,
                    NOTHING if is_required else rests[count],
                )
            )
            for count in range(cap + 1)
        ]
    return rests[0]


def _written(member: Node, count: int, rest: Node) -> Node:
    return joined(COMMA, member, rest) if count else joined(member, rest)


def literal(value: Any) -> Node:
    """Return the text of one JSON value, in the one way that `json.dumps` writes it."""
    if isinstance(value, Mapping):
        members = [
            (joined(_text(name), COLON, literal(inner)), True) for name, inner in value.items()
        ]
        return joined(Text(b"{"), chosen(members, 0, None), Text(b"}"))
    if isinstance(value, list | tuple):
        items = [(literal(item), True) for item in value]
        return joined(Text(b"["), chosen(items, 0, None), Text(b"]"))
    return _text(value)


def _text(value: Any) -> Text:
    try:
        return Text(json.dumps(value, ensure_ascii=False, allow_nan=False).encode())
    except (UnicodeEncodeError, ValueError, TypeError) as error:
        raise GrammarError(
            f"expected a JSON value of Unicode text and finite numbers, came {value!a:.60}"
        ) from error


def character_of(ranges: Ranges) -> Node:
    """Return the ways to write one character; by its code only where there is no other way."""
    raw = inverted((*inverted(ranges), *inverted(UNESCAPED)))
    texts = [Text(escape.encode()) for c, escape in ESCAPES.items() if _holds(ranges, ord(c))]
    if not raw and not texts:
        texts = [Text(f"\\u{code:04x}".encode()) for code in range(0x20) if _holds(ranges, code)]
    return either((*((Chars(raw),) if raw else ()), *texts))


def _holds(ranges: Ranges, code: int) -> bool:
    return any(low <= code <= high for low, high in ranges)
