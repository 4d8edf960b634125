"""The reply format: the tag names, their nesting, and a finished reply as sections.

    ( <thinking> text ( <reflection> text </reflection> text )* </thinking> blank )+
    <output> text </output>

`text` holds none of the six tags, or, with text_guard "closing", none of those that are legal where
it stands; the text of the output section is not blank (decoding.blank). With optional thinking a
reply may begin at <output>. A constrained answer may hold any tag but its closing one: such replies
are parsed with the guard "closing".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Literal, Self, get_args

from decoding.blank import is_blank

BLANK = " \t\r\n"  # what may stand between sections
TAG_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]*")
TextGuard = Literal["all", "closing"]


class FormatError(ValueError):
    """A reply format that cannot work, or a text that does not follow its format."""


class Section(StrEnum):
    """The kinds of text in a reply; the last two exist only in replies nobody enforced."""

    THINKING = "thinking"
    REFLECTION = "reflection"
    OUTPUT = "output"
    UNTAGGED = "untagged"
    TRAILING = "trailing"


TAGGED = (Section.THINKING, Section.REFLECTION, Section.OUTPUT)

# where text can stand -> the tags legal there ("+" opens, "-" closes) -> where each leads
TAG_ORDER: Mapping[str, Mapping[str, str]] = {
    "start": {"+thinking": "thinking"},
    "thinking": {"+reflection": "reflection", "-thinking": "between"},
    "reflection": {"-reflection": "thinking"},
    "between": {"+thinking": "thinking", "+output": "output"},
    "output": {"-output": "done"},
    "done": {},
}


@dataclass(frozen=True, slots=True)
class ReplyFormat:
    """What the replies of one model look like; shared, immutable, validated.

    The three tag names; max_blank: blank characters between sections, at most; text_guard: the
    tags that a section's text may not hold: "all" six, or only the "closing" ones, those that
    would be tags there, so that an answer about HTML may write `<output>`; is_thinking_optional:
    whether a reply may consist of the output alone.
    """

    thinking: str = "thinking"
    reflection: str = "reflection"
    output: str = "output"
    max_blank: int = 8
    text_guard: TextGuard = "all"
    is_thinking_optional: bool = False

    def __post_init__(self) -> None:
        """Raise FormatError unless the names are three distinct tag names."""
        names = [(section.value, getattr(self, section.value)) for section in TAGGED]
        for field, name in names:
            if not isinstance(name, str) or not TAG_NAME.fullmatch(name):
                raise FormatError(
                    f"the tag name of {field} must be a letter followed by letters, digits or "
                    f"'_.:-', not {name!r}"
                )
        if len({name for _, name in names}) < len(names):
            raise FormatError(f"the three tag names must differ, not {[n for _, n in names]}")
        if type(self.max_blank) is not int or not 0 <= self.max_blank <= 64:
            raise FormatError(f"max_blank must be an integer of 0 to 64, not {self.max_blank!r}")
        if self.text_guard not in get_args(TextGuard):
            raise FormatError(
                f"text_guard must be one of {get_args(TextGuard)}, not {self.text_guard!r}"
            )
        if type(self.is_thinking_optional) is not bool:
            raise FormatError(
                f"is_thinking_optional must be true or false, not {self.is_thinking_optional!r}"
            )

    def open(self, section: Section) -> str:
        """Return the opening tag of a section."""
        return f"<{getattr(self, section.value)}>"

    def close(self, section: Section) -> str:
        """Return the closing tag of a section."""
        return f"</{getattr(self, section.value)}>"

    @property
    def tags(self) -> tuple[str, ...]:
        """The six tags: the opening ones, then the closing ones."""
        return tuple(self.open(s) for s in TAGGED) + tuple(self.close(s) for s in TAGGED)

    @property
    def tag_order(self) -> Mapping[str, Mapping[str, str]]:
        """Where text can stand, the tags legal there, and where each leads."""
        if not self.is_thinking_optional:
            return TAG_ORDER
        return {**TAG_ORDER, "start": {**TAG_ORDER["start"], "+output": "output"}}

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, the inverse of `from_dict`."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from the JSON form; raise FormatError on an unknown key."""
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise FormatError(f"unknown format keys {unknown}; expected some of {known}")
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Reply:
    """A finished, well-formed reply: sections in order, thinking cut where a reflection stands.

    Law: `Reply.parse(reply.render(format), format) == reply` for every reply that was parsed.
    """

    sections: tuple[tuple[Section, str], ...]

    @property
    def answer(self) -> str:
        """The text of the output section: what a client sees."""
        return self.sections[-1][1]

    def render(self, format: ReplyFormat) -> str:
        """Return the reply as text, the inverse of `parse`; raise FormatError if it is none."""
        parts: list[str] = []
        for at, (section, text) in enumerate(self.sections):
            before = self.sections[at - 1][0] if at else None
            if section is not Section.THINKING or before is not Section.REFLECTION:
                parts.append(format.open(section))
            parts.append(text)
            after = self.sections[at + 1][0] if at + 1 < len(self.sections) else None
            if section is not Section.THINKING or after is not Section.REFLECTION:
                parts.append(format.close(section))
            if section is Section.THINKING and after in (Section.THINKING, Section.OUTPUT):
                parts.append("\n" if format.max_blank else "")
        text = "".join(parts)
        Reply.parse(text, format)
        return text

    @classmethod
    def parse(cls, text: str, format: ReplyFormat) -> Self:
        """Parse a whole reply strictly; raise FormatError saying where it leaves the format."""
        return cls(tuple(_sections(text, format)))


def _sections(text: str, format: ReplyFormat) -> Iterator[tuple[Section, str]]:
    names = {format.open(s): f"+{s}" for s in TAGGED} | {format.close(s): f"-{s}" for s in TAGGED}
    order = format.tag_order
    phase, at = "start", 0
    for match in re.finditer("|".join(map(re.escape, names)), text):
        body, tag = text[at : match.start()], names[match.group()]
        if tag not in order[phase]:
            if format.text_guard == "closing" and phase in TAGGED:
                continue
            raise FormatError(f"{match.group()} is not legal at character {match.start()}")
        if phase in ("start", "between"):
            _check_blank(body, 0 if phase == "start" else format.max_blank, at)
        else:
            if phase == "output" and is_blank(body):
                raise FormatError("the output section is blank")
            yield Section(phase), body
        at, phase = match.end(), order[phase][tag]
    if phase != "done":
        raise FormatError(f"the reply ends without {format.close(Section.OUTPUT)}")
    if text[at:]:
        raise FormatError(f"text follows {format.close(Section.OUTPUT)} at character {at}")


def _check_blank(body: str, max_blank: int, at: int) -> None:
    if body.strip(BLANK) or len(body) > max_blank:
        raise FormatError(f"at most {max_blank} blank characters may stand at character {at}")
