"""Splicing: every token moves the whole reply as its bytes do."""

from __future__ import annotations

import numpy as np
import pytest

from decoding.automaton import Automaton
from decoding.byte_dfa import Phase
from decoding.format import ReplyFormat
from decoding.vocabulary import Vocabulary
from tests.decoding.conftest import STOP
from tests.decoding.test_byte_dfa import Parts, parts_of

FORMATS = [
    ReplyFormat(),
    ReplyFormat(max_blank=0, text_guard="closing"),
    ReplyFormat(is_thinking_optional=True),
]


def walk(parts: Parts, state: tuple[int, int], text: bytes) -> tuple[int, int] | None:
    """Follow bytes through (part, state); None is dead."""
    part, at = state
    for byte in text:
        at = int(parts[part].next[at, byte])
        if at == parts[part].num_states:
            return None
        if part == 0 and at == parts[0].final:
            part, at = 1, parts[1].start
    return part, at


@pytest.mark.parametrize("format", FORMATS)
def test_every_token_moves_every_reached_state_as_its_bytes_do(
    vocabulary: Vocabulary, format: ReplyFormat
) -> None:
    parts = parts_of(format)
    automaton = Automaton.build(format, vocabulary, [STOP])
    places = {automaton.start: (0, parts[0].start)}
    frontier = [automaton.start]
    compared = 0
    while frontier:
        state = frontier.pop()
        for token_id, text in enumerate(vocabulary.token_bytes):
            after = int(automaton.next[state, automaton.classes[token_id]])
            if token_id == STOP or not text:
                continue
            place = walk(parts, places[state], text)
            if after < 0:
                is_double = place is not None and b"</" in text and b"<reflection>" in text
                assert place is None or is_double, (state, text)
                continue
            assert place is not None
            assert places.setdefault(after, place) == place
            if after not in frontier and len(places) > compared:
                frontier.append(after)
                compared = len(places)
    assert len(places) == automaton.num_states - 1  # all but the done state


def test_tokens_that_open_the_output_and_go_on_stand_in_the_answer(
    vocabulary: Vocabulary, automaton: Automaton
) -> None:
    state = automaton.start
    for text in (b"<thinking>", b"</thinking>", b"<", b"out", b"put"):
        state = int(automaton.next[state, automaton.classes[vocabulary.token_bytes.index(text)]])
    phases = {}
    for text in (b">", b">\n", b'>{"', b"><", b"><"):
        after = automaton.next[state, automaton.classes[vocabulary.token_bytes.index(text)]]
        phases[text] = Phase(automaton.phases[after])
    assert phases[b">"] == phases[b">\n"] == phases[b"><"] == Phase.OUTPUT_BLANK
    assert phases[b'>{"'] == Phase.OUTPUT


def test_a_token_that_reflects_on_its_way_into_the_answer_is_counted_or_illegal() -> None:
    merges = [
        b"<reflection>r</reflection></thinking><output>x",
        b"<thinking><reflection>r</reflection>",
        b"<reflection>x</reflection>" * 300,
        b"</thinking><thinking>" * 130,
    ]
    vocabulary = Vocabulary([*(bytes([byte]) for byte in range(256)), None, *merges])
    automaton = Automaton.build(ReplyFormat(), vocabulary, [STOP])
    thinking = automaton.start
    for byte in b"<thinking>":
        thinking = int(automaton.next[thinking, automaton.classes[byte]])
    after = automaton.next[:, automaton.classes[STOP + 1 :]]
    assert (after[:, [0, 2, 3]] == -1).all()
    assert after[automaton.start, 1] == thinking
    assert automaton.opens[automaton.start, automaton.classes[STOP + 2]] == 1


def test_all_reached_states_have_a_way_to_the_end(automaton: Automaton) -> None:
    assert (automaton.next.max(axis=1) >= 0).all()
    assert np.array_equal(np.unique(automaton.classes), np.arange(automaton.num_classes))
