"""Text phases: a tag leads on only where it is legal."""

from __future__ import annotations

from decoding.format import ReplyFormat
from decoding.text_phase import text_phases


def test_the_phases_follow_the_format() -> None:
    phases = text_phases(ReplyFormat(), "newline", recover=False)
    at = "start"
    for tag in ("<thinking>", "<reflection>", "</reflection>", "</thinking>", "<output>"):
        at = phases[at].next[tag.encode()]
    assert phases[at].next == {b"</output>": "done"}
    assert phases["done"].next == {}
    assert phases["done"].tags.search(b"<thinking></output>") is None


def test_recovering_adds_ways_on_and_takes_none_away() -> None:
    strict = text_phases(ReplyFormat(), "newline", recover=False)
    for name, phase in text_phases(ReplyFormat(), "newline", recover=True).items():
        assert phase.next.items() >= strict[name].next.items()


def test_half_tags_are_the_beginnings_of_legal_tags_only() -> None:
    phases = text_phases(ReplyFormat("t", "r", "o"), "newline", recover=False)
    assert phases["output"].half_tags == {b"<", b"</", b"</o"}
    assert phases["between"].half_tags == {b"<", b"<t", b"<o"}
    assert phases["done"].half_tags == frozenset()


def test_the_phases_of_a_format_are_shared() -> None:
    first = text_phases(ReplyFormat(), "strip", recover=False)
    assert text_phases(ReplyFormat(), "strip", recover=False) is first
