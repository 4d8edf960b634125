"""The conjunction of JSON schemas: what a value must be that meets them all at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import lcm
from typing import Any

from decoding.grammars.grammar import GrammarError
from decoding.schemas.json_document import Site, Sites, escaped, site
from decoding.schemas.json_format import PATTERNS
from decoding.schemas.json_number import Bounds
from decoding.schemas.json_string import StringRules
from decoding.schemas.json_value import ALL_TYPES, equality, exact, type_of, types_named

KEYWORDS_OF_TYPES: Mapping[str, tuple[str, ...]] = {
    "object": (
        *("properties", "required", "patternProperties", "additionalProperties"),
        *("propertyNames", "minProperties", "maxProperties"),
    ),
    "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems"),
    "string": ("minLength", "maxLength", "pattern", "format"),
    "integer": (*("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),),
}
STRUCTURAL = (*KEYWORDS_OF_TYPES["object"], *KEYWORDS_OF_TYPES["array"], "pattern", "format")


class Conjunction:
    """Schemas without `$ref` and `allOf` that one value must meet; one per value."""

    def __init__(self, sites: Sites) -> None:
        """Look at these together."""
        self.sites = sites
        self.pointer = sites[0].pointer if sites else "#"

    def found(self, keyword: str) -> list[Any]:
        """Return what each schema says under the keyword."""
        return [at[keyword] for at in self.sites if keyword in at]

    def place(self, keyword: str) -> str:
        """Return the JSON pointer of the keyword, or of all these schemas where none has it."""
        having = (f"{at.pointer}/{keyword}" for at in self.sites if keyword in at)
        return next(having, self.pointer)

    def branching(self) -> tuple[Site, str] | None:
        """Return the first schema that offers options, with `anyOf` or `oneOf`."""
        return next(
            ((at, word) for at in self.sites for word in ("anyOf", "oneOf") if word in at), None
        )

    @property
    def types(self) -> frozenset[str]:
        """The types that a value may have."""
        types = ALL_TYPES
        for said in self.found("type"):
            names = [said] if isinstance(said, str) else said
            types &= frozenset().union(*map(types_named, names))
        values = self._values()
        return types if values is None else types & {*map(type_of, values)}

    @property
    def meant_types(self) -> frozenset[str]:
        """The types to write: where none is named, those that the keywords are about."""
        if self.found("type"):
            return self.types
        meant = {
            type_
            for type_, keywords in KEYWORDS_OF_TYPES.items()
            if any(keyword in at for at in self.sites for keyword in keywords)
        }
        if "integer" in meant:
            meant.add("fraction")
        return self.types & meant if meant else self.types

    def _values(self) -> list[Any] | None:
        """Return the values that `enum` and `const` leave, None where any may do."""
        lists = self.found("enum") + [[value] for value in self.found("const")]
        if not lists:
            return None
        kept: list[Any] = lists[0]
        for others in lists[1:]:
            keys = {equality(other) for other in others}
            kept = [value for value in kept if equality(value) in keys]
        return kept

    def values(self) -> list[Any] | None:
        """Return the only values that meet all demands, None where there is no list of them.

        Raises:
            GrammarError: a demand beside the list that is not checked here.
        """
        values = self._values()
        if not values:
            return values
        rules = self.string_rules()
        words = STRUCTURAL if rules.formats else STRUCTURAL[:-1]
        structural = next((word for word in words if self.found(word)), None)
        if structural is not None:
            raise GrammarError(
                f"{self.place(structural)}: '{structural}' cannot be enforced beside a list of "
                "values; remove it, or the values that it excludes"
            )
        types, bounds = self.types, self.bounds()
        return [value for value in values if _meets(value, types, rules, bounds)]

    def keys(self) -> frozenset[Any] | None:
        """Return the values as what tells unequal ones apart."""
        values = self._values()
        return None if values is None else frozenset(map(equality, values))

    def string_rules(self) -> StringRules:
        return StringRules(
            least=self.least("minLength"),
            most=self.most("maxLength"),
            patterns=tuple(dict.fromkeys(self.found("pattern"))),
            formats=tuple(dict.fromkeys(f for f in self.found("format") if f in PATTERNS)),
        )

    def bounds(self) -> Bounds:
        """Return what a number must be.

        Raises:
            GrammarError: steps that are not whole, or several.
        """
        lows = [(exact(low), False) for low in self.found("minimum")]
        lows += [(exact(low), True) for low in self.found("exclusiveMinimum")]
        highs = [(-exact(high), False) for high in self.found("maximum")]
        highs += [(-exact(high), True) for high in self.found("exclusiveMaximum")]
        low, is_above = max(lows, default=(None, False))
        high, is_below = max(highs, default=(None, False))
        return Bounds(low, None if high is None else -high, is_above, is_below, self._step())

    def _step(self) -> int | None:
        steps = [exact(step) for step in self.found("multipleOf")]
        if any(step.denominator != 1 for step in steps):
            raise GrammarError(
                f"{self.place('multipleOf')}: expected a whole number, came "
                f"{', '.join(str(float(step)) for step in steps):.80}; "
                "use an integer of smaller units"
            )
        return lcm(*map(int, steps)) if steps else None

    def least(self, keyword: str) -> int:
        return max(map(int, self.found(keyword)), default=0)

    def most(self, keyword: str) -> int | None:
        return min(map(int, self.found(keyword)), default=None)

    @property
    def required(self) -> list[str]:
        return list(dict.fromkeys(name for names in self.found("required") for name in names))

    @property
    def declared(self) -> list[str]:
        """The names of properties in the order in which they are written."""
        named = (name for names in self.found("properties") for name in names)
        return list(dict.fromkeys((*named, *self.required)))

    def member(self, name: str) -> Sites:
        """Return what the value of this property must meet."""
        return tuple(self._member(name)) or self._anything("properties", name)

    def _member(self, name: str) -> Iterator[Site]:
        for at in self.sites:
            if "properties" in at and name in at["properties"]:
                yield at.inner("properties", name)
            elif "additionalProperties" in at:
                yield at.inner("additionalProperties")

    @property
    def is_closed(self) -> bool:
        """Whether only declared properties are written: also where others would be permitted."""
        is_open = self.found("additionalProperties") or self.patterns
        return bool(self.declared) or (bool(self.found("properties")) and not is_open)

    @property
    def patterns(self) -> list[str]:
        """The patterns of names whose values have schemas of their own."""
        found = (pattern for patterns in self.found("patternProperties") for pattern in patterns)
        return list(dict.fromkeys(found))

    def further(self) -> Sites:
        """Return what the value of any undeclared property must meet."""
        return tuple(self._further()) or self._anything("additionalProperties")

    def _further(self) -> Iterator[Site]:
        for at in self.sites:
            if at.schema.get("patternProperties"):
                for pattern in at["patternProperties"]:
                    yield at.inner("patternProperties", pattern)
            elif "additionalProperties" in at:
                yield at.inner("additionalProperties")

    def names(self) -> Sites:
        """Return what the names of undeclared properties must meet; nothing is demanded of most."""
        named = tuple(at.inner("propertyNames") for at in self.sites if "propertyNames" in at)
        is_text = site(f"{self.pointer}/propertyNames/type", {"type": "string"})
        return (*named, is_text) if named else ()

    def _anything(self, *keys: str) -> Sites:
        """Return a schema that demands nothing, at the place where none is."""
        return (site("/".join((self.pointer, *map(escaped, keys))), True),)

    @property
    def num_first(self) -> int:
        """How many items have schemas of their own."""
        first = (at[w] for at in self.sites for w in ("prefixItems", "items") if _is_list(at, w))
        return max(map(len, first), default=0)

    def item(self, index: int) -> Sites:
        """Return what the item at this index must meet; all from `num_first` on are alike."""
        return tuple(self._item(index)) or self._anything("items")

    def _item(self, index: int) -> Iterator[Site]:
        for at in self.sites:
            first = [word for word in ("prefixItems", "items") if _is_list(at, word)]
            own = [word for word in first if index < len(at[word])]
            for word in own:
                yield at.inner(word, index)
            further = "additionalItems" if "items" in first or "items" not in at else "items"
            if not own and further in at and (first or further == "items"):
                yield at.inner(further)


def _is_list(at: Site, keyword: str) -> bool:
    return keyword in at and isinstance(at[keyword], list)


def _meets(value: Any, types: frozenset[str], rules: StringRules, bounds: Bounds) -> bool:
    match type_of(value):
        case "string":
            is_long = len(value) >= rules.least
            is_met = is_long and (rules.most is None or len(value) <= rules.most)
        case "integer" | "fraction":
            is_met = bounds.holds(exact(value))
        case _:
            is_met = True
    return is_met and type_of(value) in types
