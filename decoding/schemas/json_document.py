"""The document of a JSON schema: its schemas by place, with references followed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sized
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, TypeAlias
from urllib.parse import unquote

from decoding.grammars.grammar import GrammarError
from decoding.schemas.json_keywords import ENFORCED, check

MAX_FOLLOWED = 100
MAX_TOGETHER = 100
MAX_STEPS = 200_000
MAX_NESTING = 200
MAX_STEP, MAX_ENDS = 64, (300, 300)  # characters of a message: a pointer's step; start and end
LONG_STEP = re.compile(rf"(?<=/)([^/]{{{MAX_STEP}}})[^/]+")


@dataclass(frozen=True, slots=True)
class Site:
    """A schema at its place in the document; equal where the place is.

    taken: the keywords whose demands other sites beside this one carry
    """

    pointer: str
    schema: Mapping[str, Any] = field(compare=False)
    taken: frozenset[str] = frozenset()

    def __getitem__(self, keyword: str) -> Any:
        return self.schema[keyword]

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.schema and keyword not in self.taken

    @property
    def demands(self) -> bool:
        """Whether it demands anything of a value."""
        return any(keyword in ENFORCED and keyword not in self.taken for keyword in self.schema)

    def without(self, keyword: str) -> Site:
        return Site(self.pointer, self.schema, self.taken | {keyword})

    def inner(self, *keys: str | int) -> Site:
        """Return the schema found under these keys."""
        value: Any = self.schema
        for key in keys:
            value = value[key]
        return site("/".join((self.pointer, *(escaped(str(key)) for key in keys))), value)


Sites: TypeAlias = tuple[Site, ...]
"""Schemas that one value must all meet."""


def site(pointer: str, schema: Mapping[str, Any] | bool) -> Site:
    """Return a schema at its place; true permits everything, false nothing."""
    if isinstance(schema, bool):
        return Site(pointer, {} if schema else {"enum": []})
    return Site(pointer, schema)


class Document:
    """One schema document that a client sent; bounds the steps that are spent on it."""

    def __init__(self, schema: Mapping[str, Any] | bool) -> None:
        """Begin at the root."""
        _check_values(schema)
        self.root = site("#", schema)
        self._checked: set[str] = set()
        self._plain: dict[Sites, Sites] = {}
        self._steps_left = MAX_STEPS

    def spend(self, steps: int) -> None:
        """Count work, and refuse the document when it is too much."""
        self._steps_left -= steps
        if self._steps_left < 0:
            raise GrammarError("#: expected a smaller schema, or one with fewer combinations")

    def plain(self, sites: Sites) -> Sites:
        """Return the same demands without `$ref` and `allOf`, each schema once.

        Empty where anything is permitted.

        Raises:
            GrammarError: a keyword or reference that cannot be enforced, or an endless reference.
        """
        if sites not in self._plain:
            self._plain[sites] = self._find_plain(sites)
        return self._plain[sites]

    def _find_plain(self, sites: Sites) -> Sites:
        found: dict[Site, None] = {}
        for at in sites:
            for simple in self._simple(at, ()):
                found[simple] = None
        if len(found) > MAX_TOGETHER:
            raise GrammarError(
                f"{sites[0].pointer}: expected at most {MAX_TOGETHER} schemas for one value"
            )
        return tuple(found)

    def _simple(self, at: Site, path: Sites) -> Iterator[Site]:
        self.spend(1)
        if at in path or len(path) > MAX_FOLLOWED:
            raise GrammarError(
                f"{path[-1].pointer}: these references describe only infinite documents, "
                "they lead back to themselves or never end"
            )
        if at.pointer not in self._checked:
            self._checked.add(at.pointer)
            self._check(at)
        path = (*path, at)
        for inner in self._demands(at):
            yield from self._simple(inner, path)
        if "$ref" in at or "allOf" in at:
            at = at.without("$ref").without("allOf")
        if at.demands:
            yield at

    def _demands(self, at: Site) -> Iterable[Site]:
        if "$ref" in at:
            yield self._target(at)
        if "allOf" in at:
            for number in range(len(at["allOf"])):
                yield at.inner("allOf", number)

    def _check(self, at: Site) -> None:
        num_inner = sum(len(value) for value in at.schema.values() if isinstance(value, Sized))
        self.spend((len(at.schema) + num_inner) * (1 + len(at.pointer) // 100))
        check(at.schema, at.pointer)
        if "$id" in at.schema and at.pointer != "#":
            raise GrammarError(f"{at.pointer}/$id: expected one document: move '$id' to its root")

    def _target(self, at: Site) -> Site:
        """Follow a `$ref`."""
        ref = at["$ref"]
        fragment = ref.removeprefix(str(self.root.schema.get("$id", "")).removesuffix("#"))
        if fragment != "#" and not fragment.startswith("#/"):
            raise GrammarError(
                f"{at.pointer}/$ref: expected a reference within the document such as "
                f"#/$defs/name, came {ref!a:.80}"
            )
        steps = unquote(fragment).split("/")[1:]
        keys = [step.replace("~1", "/").replace("~0", "~") for step in steps]
        self.spend(len(keys) + len(ref) // 100)
        found: Any = self.root.schema
        for key in keys:
            found = _child(found, key)
            if isinstance(found, Mapping) and isinstance(found.get("$id"), str):
                raise GrammarError(
                    f"{at.pointer}/$ref: expected one document, {ref!a:.80} leads through another "
                    "'$id': move '$id' to the root"
                )
        pointer = "/".join(("#", *map(escaped, keys)))
        if not isinstance(found, Mapping | bool):
            raise GrammarError(f"{at.pointer}/$ref: no schema is at {ref!a:.80}")
        return site(pointer, found)


def _child(value: Any, key: str) -> Any:
    """Return what is found under a step of a JSON pointer, None where nothing is."""
    if isinstance(value, Mapping):
        return value.get(key)
    if isinstance(value, list) and key.isascii() and key.isdigit() and len(key) < 7:
        return value[int(key)] if int(key) < len(value) else None
    return None


def _check_values(schema: Mapping[str, Any] | bool) -> None:
    """Refuse numbers that are not finite, and nesting beyond what recursion can follow."""
    level: list[Any] = [schema]
    for _ in range(MAX_NESTING):
        level = [
            inner
            for value in level
            if isinstance(value, Mapping | list)
            for inner in (value.values() if isinstance(value, Mapping) else value)
        ]
        if not level:
            return
        if not all(isfinite(value) for value in level if isinstance(value, float)):
            raise GrammarError("#: expected finite numbers, as JSON has them")
    raise GrammarError(f"#: expected a schema nested at most {MAX_NESTING} deep")


def escaped(key: str) -> str:
    """Return a key as a step of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def shortened(message: str) -> str:
    """Return what is said of a place: its long steps cut, and the middle of what is longer yet."""
    pointer, colon, what = message.partition(": ")
    short = LONG_STEP.sub(r"\1…", pointer) + colon + what
    start, end = MAX_ENDS
    return short if len(short) <= start + end else f"{short[:start]}…{short[-end:]}"
