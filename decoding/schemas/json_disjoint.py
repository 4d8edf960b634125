"""Whether two schemas permit no value in common, so that a value meets exactly one of them."""

from __future__ import annotations

from decoding.grammars.grammar import GrammarError
from decoding.schemas.json_conjunction import Conjunction
from decoding.schemas.json_document import Document, Site, Sites

MAX_DEPTH = 20
NUMBERS = frozenset(("integer", "fraction"))


def branches(document: Document, found: Conjunction) -> list[Sites]:
    """Return what a value must meet for each option of the first `anyOf` or `oneOf`, if any."""
    branching = found.branching()
    if branching is None:
        return []
    at, keyword = branching
    rest = tuple(site.without(keyword) if site == at else site for site in found.sites)
    document.spend(len(at[keyword]) * len(rest))
    return [(*rest, at.inner(keyword, number)) for number in range(len(at[keyword]))]


def check_disjoint(document: Document, at: Site, options: list[Sites]) -> None:
    """Refuse the options of a `oneOf` of which one value may meet two."""
    keys = [Conjunction(document.plain(option)).keys() for option in options]
    known = [key for key in keys if key is not None]
    if len(known) == len(keys) and len(frozenset().union(*known)) == sum(map(len, known)):
        return
    for second in range(len(options)):
        for first in range(second):
            if not are_disjoint(document, options[first], options[second]):
                raise GrammarError(
                    f"{at.pointer}/oneOf: one value may meet both option {first} and option "
                    f"{second}; use anyOf, or give them a required property with different "
                    "const values"
                )


def are_disjoint(document: Document, one: Sites, other: Sites, depth: int = 0) -> bool:
    """Whether it is sure that no value meets both: by type, value, range, or a property of both."""
    if depth > MAX_DEPTH:
        return False
    document.spend(1)
    first = Conjunction(document.plain(one))
    second = Conjunction(document.plain(other))
    for found, rest in ((first, second), (second, first)):
        options = branches(document, found)
        if options:
            return all(are_disjoint(document, option, rest.sites, depth + 1) for option in options)
    return _differ(first, second) or _differ_in_a_property(document, first, second, depth)


def _differ(first: Conjunction, second: Conjunction) -> bool:
    types = first.types & second.types
    if not types:
        return True
    keys, others = first.keys(), second.keys()
    if keys is not None and others is not None:
        return not keys & others
    return types <= NUMBERS and first.bounds().misses(second.bounds())


def _differ_in_a_property(
    document: Document, first: Conjunction, second: Conjunction, depth: int
) -> bool:
    """Whether both are objects, and one property that must be there cannot suit both."""
    if first.types & second.types != {"object"}:
        return False
    if first.patterns or second.patterns:
        return False
    return any(
        are_disjoint(document, first.member(name), second.member(name), depth + 1)
        for name in dict.fromkeys((*first.required, *second.required))
    )
