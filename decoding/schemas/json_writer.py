"""The writer of a JSON schema's grammar: one pass over the document, at one extent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from decoding.grammars.grammar import NOTHING, GrammarError, Node
from decoding.schemas.json_conjunction import Conjunction
from decoding.schemas.json_disjoint import branches, check_disjoint
from decoding.schemas.json_document import Document, Sites
from decoding.schemas.json_keywords import check_draft
from decoding.schemas.json_number import integer, number
from decoding.schemas.json_string import StringRules, string
from decoding.schemas.json_text import COLON, STRING, either, is_nothing, joined, literal
from decoding.schemas.json_value import (
    BOOLEAN,
    NULL,
    any_value,
    array_of,
    equality,
    object_of,
    record_of,
    set_of,
)

MAX_PATH = 60
STEPS_OF_COUNTING = 1_000


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a schema is unrolled: its recursion, the nesting of free values, long counts."""

    depth: int
    longest: int

    @property
    def free_depth(self) -> int:
        return max(0, self.depth - 1)


class TooDeep(GrammarError):  # noqa: N818  (it says what is wrong, as its base does)
    """A schema whose values are nested too deep, at this extent."""


class Writer:
    """Writes each conjunction once at each depth; one per document and extent.

    found_loops: conjunctions that lead back to themselves, at least one of each cycle
    longest_count: the largest count that the extent may have cut down
    is_cut: whether a larger depth may permit more
    """

    def __init__(self, document: Document, extent: Extent, loops: frozenset[Sites] | None) -> None:
        """Spend a level of depth at each of these loops; find them where they are not known."""
        self.found_loops: set[Sites] = set()
        self.longest_count = 0
        self.is_cut = False
        self._document = document
        self._extent = extent
        self._loops = loops
        self._path: list[Sites] = []
        self._written: dict[tuple[Sites, int], Node] = {}
        self._free = any_value(extent.free_depth)

    def node(self, sites: Sites, depth: int) -> Node:
        """Return the texts of the values that meet all these schemas.

        Raises:
            GrammarError: names the JSON pointer of what cannot be enforced.
        """
        try:
            return self._node(sites, depth)
        except GrammarError as error:
            raise type(error)(_encodable(str(error))) from error

    def _node(self, sites: Sites, depth: int) -> Node:
        plain = self._plain(sites)
        if not plain:
            self.is_cut = True
            return self._free
        if self._loops is None and plain in self._path:
            self.found_loops.add(plain)
            return NOTHING
        if self._loops and plain in self._loops:
            if depth == 0:
                self.is_cut = True
                return NOTHING
            depth -= 1
        key = plain, depth
        if key not in self._written:
            self._written[key] = self._descend(plain, depth)
        return self._written[key]

    def _plain(self, sites: Sites) -> Sites:
        """Return what is left to meet, where the document's draft reads it as it is read here."""
        plain = self._document.plain(sites)
        draft = self._document.root.schema.get("$schema")
        for at in (*sites, *plain):
            check_draft(at.schema, at.pointer, draft)
        return plain

    def _descend(self, plain: Sites, depth: int) -> Node:
        if len(self._path) == MAX_PATH:
            raise TooDeep(
                f"{plain[0].pointer:.200}: expected at most {MAX_PATH} schemas within one another"
            )
        self._path.append(plain)
        try:
            return self._write(Conjunction(plain), depth)
        finally:
            self._path.pop()

    def _write(self, found: Conjunction, depth: int) -> Node:
        branching = found.branching()
        if branching is not None:
            at, keyword = branching
            options = branches(self._document, found)
            if keyword == "oneOf":
                check_disjoint(self._document, at, options)
            return either([self._node(option, depth) for option in options])
        values = found.values()
        if values is not None:
            with _placed(found.pointer):
                return either([literal(value) for value in values])
        types = found.meant_types - ({"integer"} if "fraction" in found.meant_types else set())
        return either([self._typed(type_, found, depth) for type_ in sorted(types)])

    def _typed(self, type_: str, found: Conjunction, depth: int) -> Node:
        match type_:
            case "null":
                return NULL
            case "boolean":
                return BOOLEAN
            case "object":
                return self._object(found, depth)
            case "array":
                return self._array(found, depth)
            case "string":
                return self._string(found)
            case _:
                bounds = found.bounds()
                with _placed(found.pointer):
                    return (number if type_ == "fraction" else integer)(bounds)

    def _most(self, found: Conjunction, keyword: str, least: int) -> int | None:
        """Return the most that is written: less than the schema permits where states are short."""
        most = found.most(keyword)
        if most is None:
            return None
        self.longest_count = max(self.longest_count, most)
        return most if most < least else max(least, min(most, self._extent.longest))

    def _string(self, found: Conjunction) -> Node:
        rules = found.string_rules()
        rules = replace(rules, most=self._most(found, "maxLength", rules.least))
        if (rules.least or rules.most is not None) and (rules.patterns or rules.formats):
            self._document.spend(STEPS_OF_COUNTING)
        place = found.place("pattern" if rules.patterns else "type")
        with _placed(place):
            node = string(rules)
            if is_nothing(node):  # perhaps because the most was cut
                node = string(replace(rules, most=found.most("maxLength")))
            return node

    def _array(self, found: Conjunction, depth: int) -> Node:
        least = found.least("minItems")
        most = self._most(found, "maxItems", least)
        if any(found.found("uniqueItems")) and (most is None or most > 1):
            values = self._item_values(found)
            with _placed(found.pointer):
                return set_of([literal(value) for value in values], least, most)
        first = [self._node(found.item(index), depth) for index in range(found.num_first)]
        return array_of(self._node(found.item(found.num_first), depth), least, most, first)

    def _item_values(self, found: Conjunction) -> list[Any]:
        """Return all values that items may have, each once."""
        items = Conjunction(self._plain(found.item(0)))
        values = None
        if not found.num_first and items.branching() is None:
            values = items.values()
            if values is None and items.types == {"boolean"}:
                values = [False, True]
        if values is None:
            raise GrammarError(
                f"{found.place('uniqueItems')}: 'uniqueItems' can be enforced only where 'items' "
                "lists its values with enum; remove it or set maxItems to 1"
            )
        return list({equality(value): value for value in values}.values())

    def _object(self, found: Conjunction, depth: int) -> Node:
        least = found.least("minProperties")
        if found.is_closed:
            _refuse(found, ("patternProperties", "propertyNames"), "beside named properties")
            most = found.most("maxProperties")
            required = {*found.required}
            values = [self._node(found.member(name), depth) for name in found.declared]
            with _placed(found.pointer):
                members = [
                    (joined(literal(name), COLON, value), name in required)
                    for name, value in zip(found.declared, values, strict=True)
                ]
                return record_of(members, least, most)
        if least > 1:
            _refuse(found, ("minProperties",), "above 1 where properties have no names")
        most = self._most(found, "maxProperties", least)
        key = self._key(found, depth)
        return object_of(key, self._node(found.further(), depth), least, most)

    def _key(self, found: Conjunction, depth: int) -> Node:
        """Return the names of properties that no schema names, with their quotes."""
        if len(found.patterns) == 1:
            _refuse(found, ("propertyNames",), "beside patternProperties")
            rules = StringRules(patterns=(found.patterns[0],))
            with _placed(found.place("patternProperties")):
                return string(rules)
        if found.patterns:
            _refuse(found, ("patternProperties",), "with several patterns")
        names = found.names()
        return self._node(names, depth) if names else STRING


def _refuse(found: Conjunction, keywords: Iterable[str], where: str) -> None:
    for keyword in keywords:
        if found.found(keyword):
            raise GrammarError(
                f"{found.place(keyword)}: '{keyword}' cannot be enforced {where}; remove it"
            )


def _encodable(message: str) -> str:
    """Return the message with halves of surrogates, which a key may have, as escapes."""
    return message.encode(errors="backslashreplace").decode()


@contextmanager
def _placed(pointer: str) -> Iterator[None]:
    """Begin an error with the place in the document."""
    try:
        yield
    except GrammarError as error:
        raise GrammarError(f"{pointer}: {error}") from error
