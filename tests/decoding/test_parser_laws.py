"""The laws of the stream parser, against plain references that read a reply whole."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decoding.automaton import Automaton
from decoding.budget import Budget
from decoding.format import Reply, ReplyFormat, Section
from decoding.matcher import Matcher
from decoding.parser import ReplyParser, Status
from decoding.passage import Trim
from decoding.vocabulary import Vocabulary
from tests.decoding.splits import BYTES, join, read, read_plainly, read_tokens, runs_of

FORMAT = ReplyFormat()
TRIMS: tuple[Trim, ...] = ("newline", "strip", "none")
PIECES = (*FORMAT.tags, "a", "\n", "\r", " ", "<", "</", "é")

trims = st.sampled_from(TRIMS)
text = st.text("<>/thinkoup \n\ré😀", max_size=12).filter(
    lambda text: not any(tag in text for tag in FORMAT.tags)
)
solid = text.filter(lambda text: bool(text.strip(" \t\r\n")))
thinking = st.lists(st.tuples(text, text), max_size=3)
replies = st.tuples(st.lists(st.tuples(text, thinking), min_size=1, max_size=3), solid)
fractions = st.lists(st.floats(0, 1, exclude_max=True), max_size=8)


def well_formed(blocks: Sequence[tuple[str, Sequence[tuple[str, str]]]], answer: str) -> Reply:
    sections: list[tuple[Section, str]] = []
    for first, reflections in blocks:
        sections.append((Section.THINKING, first))
        for reflection, after in reflections:
            sections += [(Section.REFLECTION, reflection), (Section.THINKING, after)]
    return Reply((*sections, (Section.OUTPUT, answer)))


def cut(data: bytes, at: Sequence[float]) -> list[bytes]:
    edges = [0, *sorted(int(fraction * len(data)) for fraction in at), len(data)]
    return [data[start:stop] for start, stop in pairwise(edges)]


@settings(deadline=None, derandomize=True, max_examples=300)
@given(parts=replies, at=fractions)
def test_a_well_formed_reply_streams_as_it_parses_whole(
    parts: tuple[list[tuple[str, list[tuple[str, str]]]], str], at: list[float]
) -> None:
    written = well_formed(*parts).render(FORMAT)
    reply = Reply.parse(written, FORMAT)
    assert reply == well_formed(*parts)
    reading = read(cut(written.encode(), at), trim="none")
    assert reading.runs == runs_of(reply)
    assert reading.answer == reply.answer
    assert reading.status is Status.COMPLETE


@settings(deadline=None, derandomize=True, max_examples=300)
@given(
    pieces=st.lists(st.sampled_from(PIECES), max_size=30), at=fractions, trim=trims,
    recover=st.booleans(),
)  # fmt: skip
def test_any_reply_streams_as_the_rules_read_it_whole(
    pieces: list[str], at: list[float], trim: Trim, recover: bool
) -> None:
    written = "".join(pieces)
    plain = read_plainly(written, trim, recover=recover)
    assert read(cut(written.encode(), at), trim=trim, recover=recover) == plain
    parser = ReplyParser(FORMAT, BYTES, trim=trim, recover=recover)
    assert read_tokens(parser, list(written.encode())) == plain


@pytest.mark.parametrize("recover", [False, True])
def test_every_short_sequence_of_tags_is_read_as_the_rules_read_it(recover: bool) -> None:
    for length in range(5):
        for pieces in product((*FORMAT.tags, "a", "\n"), repeat=length):
            written = "".join(pieces)
            assert read(pieces, recover=recover) == read_plainly(
                written, "newline", recover=recover
            )


@settings(deadline=None, derandomize=True, max_examples=300)
@given(data=st.binary(max_size=40), at=fractions, trim=trims)
def test_any_bytes_read_the_same_in_any_split(data: bytes, at: list[float], trim: Trim) -> None:
    written = b"<thinking></thinking><output>" + data
    assert read(cut(written, at), trim=trim) == read([written], trim=trim)
    read_tokens(ReplyParser(FORMAT, BYTES, trim=trim), list(written))


@pytest.mark.parametrize("seed", range(40))
def test_a_reply_that_a_matcher_allowed_streams_as_it_parses_whole(
    automaton: Automaton, vocabulary: Vocabulary, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    budget = Budget(max_tokens=40 + seed, max_thinking_tokens=30, max_reflections=3)
    matcher = Matcher(automaton, budget)
    parser = ReplyParser(FORMAT, vocabulary, trim="none")
    token_ids: list[int] = []
    deltas = []
    while not matcher.is_terminated:
        token_id = int(rng.choice(np.flatnonzero(matcher.allowed())))
        assert matcher.accept(token_id)
        was_thinking = parser.section is not Section.OUTPUT
        token_ids.append(token_id)
        deltas += parser.feed([token_id])
        if was_thinking and matcher.is_answering and parser.section is Section.OUTPUT:
            assert parser.num_reasoning_tokens == len(token_ids)
    reply = Reply.parse(vocabulary.decode(token_ids).decode(), FORMAT)
    assert parser.flush() == []
    assert join(deltas) == runs_of(reply)
    assert parser.status is Status.COMPLETE
    assert parser.num_tokens == len(token_ids)
    assert parser.num_reflections == matcher.num_reflections
    answer = [token_ids[position] for position in parser.answer_tokens]
    assert reply.answer.encode() in vocabulary.decode(answer)
