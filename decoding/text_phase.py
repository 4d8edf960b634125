"""Text phases: where in a reply text can stand, and which tags lead on from there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from decoding.format import TAGGED, ReplyFormat, Section
from decoding.passage import Trim

_RECOVERED: Mapping[str, Mapping[str, str]] = {
    "start": {"+output": "output"},
    "thinking": {"+output": "output"},
    "reflection": {"-thinking": "between", "+output": "output"},
}
_OUTSIDE = {"start": Section.UNTAGGED, "between": Section.UNTAGGED, "done": Section.TRAILING}


@dataclass(frozen=True, slots=True)
class TextPhase:
    """One place where text stands; shared by all parsers of a format.

    next: name of the phase that each tag legal here leads to; all other tags are text.
    tags: matches exactly those tags.
    half_tags: every beginning of them that is not whole.
    """

    name: str
    section: Section
    trim: Trim
    next: Mapping[bytes, str]
    tags: re.Pattern[bytes]
    half_tags: frozenset[bytes]


@lru_cache(maxsize=64)
def text_phases(format: ReplyFormat, trim: Trim, *, recover: bool) -> Mapping[str, TextPhase]:
    """Return the phases by name; a reply starts in "start" and is over in "done"."""
    tags = {f"+{s}": format.open(s) for s in TAGGED} | {f"-{s}": format.close(s) for s in TAGGED}
    phases = {}
    for name, legal in format.tag_order.items():
        moves = {**legal, **(_RECOVERED.get(name, {}) if recover else {})}
        after = {tags[tag].encode(): phase for tag, phase in moves.items()}
        phases[name] = TextPhase(
            name=name,
            section=_OUTSIDE.get(name) or Section(name),
            trim="strip" if name in _OUTSIDE else trim,
            next=after,
            tags=re.compile(b"|".join(map(re.escape, after)) or rb"(?!)"),
            half_tags=frozenset(tag[:end] for tag in after for end in range(1, len(tag))),
        )
    return phases
