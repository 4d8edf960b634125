"""Passages: the trim drops blanks next to tags, and nothing else, in any split."""

from __future__ import annotations

from itertools import product

import pytest

from decoding.passage import Passage, Trim

ALPHABET = [b"\n", b"\r", b" ", b"a", b"\xc3", b"\xa9"]


def split_bytewise(data: bytes, trim: Trim, *, is_at_tag: bool) -> tuple[str, int, int]:
    passage = Passage(trim)
    text = "".join([passage.write(bytes([byte])) for byte in data])
    text += passage.close(is_at_tag=is_at_tag)
    return text, passage.start, passage.end


@pytest.mark.parametrize("is_at_tag", [True, False])
@pytest.mark.parametrize("trim", ["newline", "strip", "none"])
def test_every_short_passage_reads_the_same_whole_and_byte_by_byte(
    trim: Trim, is_at_tag: bool
) -> None:
    for length in range(6):
        for data in map(b"".join, product(ALPHABET, repeat=length)):
            passage = Passage(trim)
            text = passage.write(data) + passage.close(is_at_tag=is_at_tag)
            assert split_bytewise(data, trim, is_at_tag=is_at_tag)[0] == text
            assert data[passage.start : passage.end].decode("utf-8", "replace") == text


@pytest.mark.parametrize(
    ("trim", "data", "text"),
    [
        ("newline", b"\n\na\n\n", "\na\n"),
        ("newline", b" \na\n ", " \na\n "),
        ("newline", b"\r\na\r\n", "a"),
        ("newline", b"\n", ""),
        ("newline", b"\r", "\r"),
        ("strip", b" \r\n\ta b\t\r\n ", "a b"),
        ("strip", b" \n", ""),
        ("none", b"\na\n", "\na\n"),
    ],
)
def test_trim_drops_what_is_format_next_to_tags(trim: Trim, data: bytes, text: str) -> None:
    assert split_bytewise(data, trim, is_at_tag=True)[0] == text


def test_blanks_are_held_back_until_text_follows() -> None:
    passage = Passage("strip")
    assert [passage.write(data) for data in (b"a ", b"\n", b"b")] == ["a", "", " \nb"]


def test_other_white_space_is_text() -> None:
    text = "\u00a0a\v\f"
    assert split_bytewise(text.encode(), "strip", is_at_tag=True)[0] == text
