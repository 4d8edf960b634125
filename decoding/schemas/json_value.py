"""JSON values: their types, what is equal among them, and the grammar of any value."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from decoding.grammars.grammar import EMPTY, NOTHING, Node, Text
from decoding.schemas.json_number import NUMBER
from decoding.schemas.json_text import (
    COLON,
    COMMA,
    STRING,
    chosen,
    either,
    joined,
    listed,
    repeated,
)

NULL = Text(b"null")
BOOLEAN = either((Text(b"true"), Text(b"false")))
SCALAR = either((NULL, BOOLEAN, NUMBER, STRING))

ALL_TYPES = frozenset(("null", "boolean", "object", "array", "string", "integer", "fraction"))
"""As JSON Schema has them, `number` cut in two: integers and the rest."""


def types_named(name: str) -> frozenset[str]:
    """Return the types that a schema means."""
    return frozenset(("integer", "fraction") if name == "number" else (name,))


def type_of(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case int() | float():
            return "integer" if value == int(value) else "fraction"
        case Mapping():
            return "object"
        case _:
            return "array"


def exact(value: float) -> Fraction:
    """Return the number that is written, not its nearest double."""
    return Fraction(value) if value == int(value) else Fraction(repr(value))


def equality(value: Any) -> Hashable:
    """Return a key that is the same for values that JSON Schema takes as equal."""
    match value:
        case Mapping():
            items = ((key, equality(inner)) for key, inner in value.items())
            return ("object", frozenset(items))
        case list() | tuple():
            return ("array", tuple(equality(item) for item in value))
        case bool():
            return ("boolean", value)
        case _:
            return (value,)


def object_of(key: Node, value: Node, least: int = 0, most: int | None = None) -> Node:
    """Return the objects of such keys and values; a key may come twice, as JSON permits."""
    return joined(Text(b"{"), listed(joined(key, COLON, value), least, most), Text(b"}"))


def record_of(
    members: Sequence[tuple[Node, bool]], least: int = 0, most: int | None = None
) -> Node:
    """Return the objects with these members in their order; (member, whether it must be there)."""
    return joined(Text(b"{"), chosen(members, least, most), Text(b"}"))


def array_of(
    item: Node, least: int = 0, most: int | None = None, first: Sequence[Node] = ()
) -> Node:
    """Return the arrays of the first items, each of its own kind, and then of such items."""
    count = len(first)
    more = None if most is None else most - count
    if not first:
        return joined(Text(b"["), listed(item, least, most), Text(b"]"))
    rest = (
        NOTHING
        if more is not None and more < 0
        else repeated(joined(COMMA, item), max(0, least - count), more)
    )
    for index in range(count - 1, -1, -1):
        longer = joined(COMMA, first[index], rest) if index else joined(first[index], rest)
        can_be_longer = most is None or index < most
        rest = either((EMPTY if index >= least else NOTHING, longer if can_be_longer else NOTHING))
    return joined(Text(b"["), rest, Text(b"]"))


def set_of(values: Sequence[Node], least: int, most: int | None) -> Node:
    """Return the arrays of some of these values, each at most once, in their order."""
    members = [(value, False) for value in values]
    return joined(Text(b"["), chosen(members, least, most), Text(b"]"))


def any_value(depth: int) -> Node:
    """Return all values nested at most so deep."""
    value: Node = NOTHING
    for level in range(depth + 1):
        inside = value if level else NOTHING
        value = either((SCALAR, array_of(inside), object_of(STRING, inside)))
    return value
