"""The byte DFA against the plain reference."""

from __future__ import annotations

import itertools
import random
import re

import pytest

from decoding.byte_dfa import ByteDfa
from decoding.format import FormatError, Reply, ReplyFormat
from decoding.reply_parts import free_answer, head_part
from tests.decoding.judge import is_visible, is_well_formed

NAMES = ("t", "r", "o")
Parts = tuple[ByteDfa, ByteDfa]


def parts_of(format: ReplyFormat) -> Parts:
    return head_part(format), free_answer(format)


SHORT = parts_of(ReplyFormat(*NAMES, max_blank=2))


def accepts(reply: bytes, parts: Parts = SHORT) -> bool:
    head, answer = parts
    state = head.start
    for at, byte in enumerate(reply):
        if state == head.final:
            return answer.walk(reply[at:]) == answer.final
        state = int(head.next[state, byte])
    return False


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
    parts = parts_of(ReplyFormat())
    whole = "<thinking>a<reflection>é</reflection>b</thinking>\n<output>4 < 5 </out></output>"
    pieces = [*ReplyFormat().tags, "<", ">", "/", " ", "\n", "x", "€"]
    verdicts = []
    for _ in range(20_000):
        at = sorted(rng.choices(range(len(whole) + 1), k=2))
        middle = "".join(rng.choices(pieces, k=rng.randrange(3)))
        reply = (whole[: at[0]] + middle + whole[rng.choice(at) :]).encode()
        verdicts.append(is_well_formed(reply))
        assert accepts(reply, parts) == verdicts[-1], reply
    assert 1000 < sum(verdicts) < 19_000


def test_tag_names_that_are_prefixes_of_each_other_are_kept_apart() -> None:
    names = ("think", "thinking", "a.b")
    parts = parts_of(ReplyFormat(*names))
    right = b"<think>x<thinking>y</thinking></think><a.b>z</a.b>"
    assert accepts(right, parts)
    assert is_well_formed(right, names)
    assert not accepts(right.replace(b"a.b", b"axb"), parts)
    assert not accepts(b"<thinking>x</thinking><a.b>z</a.b>", parts)


@pytest.mark.parametrize("is_optional", [False, True])
def test_with_the_closing_guard_only_the_tags_that_would_be_tags_are_kept_out(
    is_optional: bool,
) -> None:
    format = ReplyFormat(*NAMES, 2, text_guard="closing", is_thinking_optional=is_optional)
    parts = parts_of(format)
    symbols = ["<t>", "</t>", "<r>", "</r>", "<o>", "</o>", "x"]
    verdicts = set()
    for length in range(7):
        for drawn in itertools.product(symbols, repeat=length):
            text = "".join(drawn)
            verdict = is_well_formed_when_guarded(text, is_optional=is_optional)
            assert accepts(text.encode(), parts) == verdict, text
            verdicts.add(verdict)
            if verdict:
                assert Reply.parse(text, format).render(format).count("<o>") == text.count("<o>")
            else:
                with pytest.raises(FormatError):
                    Reply.parse(text, format)
    assert verdicts == {True, False}


def is_well_formed_when_guarded(text: str, *, is_optional: bool) -> bool:
    thinking = r"(?:<t>(?:(?!</t>|<r>).)*(?:<r>(?:(?!</r>).)*</r>(?:(?!</t>|<r>).)*)*</t>)"
    count = "*" if is_optional else "+"
    return bool(re.fullmatch(rf"{thinking}{count}<o>(?:(?!</o>).)+</o>", text))


def test_an_optional_thought_may_be_left_out_but_not_the_output() -> None:
    parts = parts_of(ReplyFormat(*NAMES, is_thinking_optional=True))
    assert accepts(b"<o>x</o>", parts)
    assert accepts(b"<t>y</t><o>x</o>", parts)
    assert not accepts(b"<o></o>", parts)
    assert not accepts(b"\n<o>x</o>", parts)
    assert not accepts(b"<o>x</o>")
