"""Vocabularies and automata that the tests of this room share."""

from __future__ import annotations

import pytest

from decoding.automaton import Automaton
from decoding.format import ReplyFormat
from decoding.vocabulary import Vocabulary

STOP = 256


def mixed_tokens() -> list[bytes | None]:
    """Every byte, EOS, and tokens that cut tags, close one and open another, or split UTF-8."""
    merges = [
        b"<thinking>", b"</thinking>", b"<reflection>", b"</reflection>", b"<output>", b"</output>",
        b"</", b"><", b">\n", b">\n\n", b'>{"', b"</thinking>\n<output>", b"think", b"ing>", b"out",
        b"put", b"  ", b"\n\n", b" the", b"answer", b"\xe2\x82", b"\xf0\x9f\x98\x80", b"\x80\x80",
        b"</thinking><thinking>", b"</reflection></thinking>", b"<reflection>x</reflection>",
        b"</thinking><thinking><reflection>", b"42</output>", b"<output> ", b"",
    ]  # fmt: skip
    return [*(bytes([byte]) for byte in range(256)), None, *merges]


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    return Vocabulary(mixed_tokens())


@pytest.fixture(scope="session")
def automaton(vocabulary: Vocabulary) -> Automaton:
    return Automaton.build(ReplyFormat(), vocabulary, [STOP])
