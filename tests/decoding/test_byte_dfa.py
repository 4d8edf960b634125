"""The byte DFA against the plain reference."""

from __future__ import annotations

import itertools
import random

import pytest

from decoding.byte_dfa import ByteDfa
from decoding.format import ReplyFormat
from tests.decoding.judge import is_visible, is_well_formed

NAMES = ("t", "r", "o")
SHORT = ByteDfa(ReplyFormat(*NAMES, max_blank=2))


def accepts(reply: bytes, dfa: ByteDfa = SHORT) -> bool:
    return dfa.walk(reply) == dfa.end


CONTEXTS = [
    (b"", b"<t></t><o>x</o>"),
    (b"<t>", b"</t><o>x</o>"),
    (b"<t><r>", b"</r></t><o>x</o>"),
    (b"<t></t>", b"<o>x</o>"),
    (b"<t></t><o>", b"</o>"),
    (b"<t></t><o>", b"x</o>"),
    (b"<t></t><o>x", b"</o>"),
    (b"<t></t><o>x</o>", b""),
]


@pytest.mark.parametrize(("before", "after"), CONTEXTS)
def test_every_string_of_up_to_five_symbols_in_every_context_is_judged_alike(
    before: bytes, after: bytes
) -> None:
    symbols = [b"<", b"/", b"o", b">", b" ", b"t", "é".encode()]
    for length in range(6):
        for parts in itertools.product(symbols, repeat=length):
            reply = before + b"".join(parts) + after
            assert accepts(reply) == is_well_formed(reply, NAMES, 2), reply


def test_every_sequence_of_up_to_six_tags_and_texts_is_judged_alike() -> None:
    symbols = [b"<t>", b"</t>", b"<r>", b"</r>", b"<o>", b"</o>", b"x", b"\n"]
    verdicts = set()
    for length in range(7):
        for parts in itertools.product(symbols, repeat=length):
            reply = b"".join(parts)
            assert accepts(reply) == is_well_formed(reply, NAMES, 2), reply
            verdicts.add(accepts(reply))
    assert verdicts == {True, False}


def test_an_answer_of_any_one_character_is_judged_alike() -> None:
    blank = 0
    for code in range(0x110000):
        if 0xD800 <= code < 0xE000 or (0x20000 <= code < 0xE0000 and code % 64):
            continue
        reply = b"<t></t><o>" + chr(code).encode() + b"</o>"
        verdict = is_visible(chr(code))
        assert accepts(reply) == verdict, hex(code)
        blank += not verdict
    assert blank > 4000


def test_an_answer_of_several_blanks_is_blank_until_something_is_seen() -> None:
    for blanks in ("\u00a0\u2003", "\u200b \x00", "\ufeff\u3000\n", "\U000e0041\u2800"):
        reply = f"<t></t><o>{blanks}@</o>"
        assert not accepts(reply.replace("@", "").encode())
        for seen in ("x", "é", "東", "😀", "<", "</", "\u0301"):
            assert accepts(reply.replace("@", seen).encode())


def test_every_character_and_every_wrong_pair_of_bytes_is_judged_alike() -> None:
    for code in (*range(0x800), 0xFFF, 0x1000, 0xD7FF, 0xE000, 0xFFFD, 0x10000, 0x10FFFF):
        assert accepts(b"<t></t><o>x" + chr(code).encode() + b"</o>")
    for first, second in itertools.product(range(0x80, 0x100), range(256)):
        reply = b"<t></t><o>x" + bytes([first, second]) + b"y</o>"
        assert accepts(reply) == is_well_formed(reply, NAMES, 2), reply


def test_three_and_four_byte_edges_of_utf8_are_judged_alike() -> None:
    leads = [0xE0, 0xE1, 0xED, 0xEE, 0xF0, 0xF1, 0xF4, 0xF5]
    edges = [0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0]
    for lead, *rest in itertools.product(leads, edges, edges, edges):
        for count in (2, 3):
            reply = b"<t>" + bytes([lead, *rest[:count]]) + b"</t><o>x</o>"
            assert accepts(reply) == is_well_formed(reply, NAMES, 2), reply


def test_mutated_replies_with_the_default_tags_are_judged_alike() -> None:
    rng = random.Random(1)
    dfa = ByteDfa(ReplyFormat())
    whole = "<thinking>a<reflection>é</reflection>b</thinking>\n<output>4 < 5 </out></output>"
    pieces = [*ReplyFormat().tags, "<", ">", "/", " ", "\n", "x", "€"]
    verdicts = []
    for _ in range(20_000):
        at = sorted(rng.choices(range(len(whole) + 1), k=2))
        middle = "".join(rng.choices(pieces, k=rng.randrange(3)))
        reply = (whole[: at[0]] + middle + whole[rng.choice(at) :]).encode()
        verdicts.append(is_well_formed(reply))
        assert accepts(reply, dfa) == verdicts[-1], reply
    assert 1000 < sum(verdicts) < 19_000


def test_tag_names_that_are_prefixes_of_each_other_are_kept_apart() -> None:
    names = ("think", "thinking", "a.b")
    dfa = ByteDfa(ReplyFormat(*names))
    right = b"<think>x<thinking>y</thinking></think><a.b>z</a.b>"
    assert accepts(right, dfa)
    assert is_well_formed(right, names)
    assert not accepts(right.replace(b"a.b", b"axb"), dfa)
    assert not accepts(b"<thinking>x</thinking><a.b>z</a.b>", dfa)
