"""JSON strings by length, pattern and format, as grammars."""

from __future__ import annotations

from dataclasses import dataclass

from decoding.grammars.grammar import GrammarError, Node
from decoding.grammars.pattern import search
from decoding.schemas.json_format import format_node
from decoding.schemas.json_lengths import between
from decoding.schemas.json_text import (
    COUNTED_CHARACTER,
    QUOTE,
    STRING,
    character_of,
    joined,
    repeated,
)


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
        return _quoted(search(rules.patterns[0]), rules)
    if rules.formats:
        return _quoted(format_node(rules.formats[0]), rules)
    if rules.least == 0 and rules.most is None:
        return STRING
    return joined(QUOTE, repeated(COUNTED_CHARACTER, rules.least, rules.most), QUOTE)


def _quoted(node: Node, rules: StringRules) -> Node:
    return joined(QUOTE, between(node, rules.least, rules.most, character_of), QUOTE)
