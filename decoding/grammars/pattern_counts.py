"""The quantifiers of a pattern: how often a term is repeated."""

from __future__ import annotations

import re

from decoding.grammars.pattern_characters import Characters

MAX_COUNT = 10_000
SIGNS = {"*": (0, None), "+": (1, None), "?": (0, 1)}
COUNT = re.compile(r"\{([0-9]+)(,?)([0-9]*)\}")
COUNT_FROM_NOTHING = re.compile(r"\{,[0-9]*\}")


def read_count(characters: Characters) -> tuple[int, int | None] | None:
    """Read a quantifier if one comes next: the least and the most repetitions, None is no end."""
    for sign, count in SIGNS.items():
        if characters.take(sign):
            return count
    if COUNT_FROM_NOTHING.match(characters.pattern, characters.at):
        raise characters.error("expected a least count, such as {0,5}; escape a literal {")
    found = COUNT.match(characters.pattern, characters.at)
    if found is None:
        return None
    least, most = (_bounded(digits, characters) for digits in (found[1], found[3] or found[1]))
    if least > most:
        raise characters.error(f"expected a least count up to {most}, came {least}")
    characters.at = found.end()
    return least, None if found[2] and not found[3] else most


def _bounded(digits: str, characters: Characters) -> int:
    if len(digits) > len(str(MAX_COUNT)) or int(digits) > MAX_COUNT:
        raise characters.error(f"expected a count up to {MAX_COUNT:,}: lower it")
    return int(digits)
