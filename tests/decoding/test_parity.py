"""Parity: what the matcher accepts, the parser parses to the same sections, in any split."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decoding.automaton import Automaton
from decoding.format import Reply, ReplyFormat, Section
from decoding.grammars import dfa
from decoding.grammars.grammar import Either, Text
from decoding.masks import Masks
from decoding.matcher import Matcher
from decoding.parser import ReplyParser, Status
from decoding.vocabulary import Vocabulary
from tests.decoding.budgets import random_budget
from tests.decoding.conftest import STOP, mixed_tokens

FORMATS = {
    "plain": ReplyFormat(),
    "closing guard": ReplyFormat(text_guard="closing"),
    "optional thought": ReplyFormat(is_thinking_optional=True),
    "other names": ReplyFormat("out", "output", "a.b", max_blank=0, text_guard="closing"),
}
VOCABULARY = Vocabulary(mixed_tokens())


@cache
def masks_of(name: str, *, is_constrained: bool) -> Masks:
    words = Either((Text(b"yes"), Text(b"<thinking>no</a.b >"), Text(b"</output"), Text(b"\nx\n")))
    answer = dfa.compile(words) if is_constrained else None
    return Masks(Automaton.build(FORMATS[name], VOCABULARY, [STOP], answer=answer))


Passages = list[tuple[Section, int, str]]


def streamed(format: ReplyFormat, token_ids: list[int], cuts: list[int]) -> Passages:
    """Return the sections of a reply that is fed in pieces of so many tokens."""
    parser = ReplyParser(format, VOCABULARY, trim="none")
    passages: dict[tuple[Section, int], str] = {}
    ends = [*accumulate(cuts), len(token_ids)]
    for start, end in zip([0, *ends], ends, strict=False):
        for delta in parser.feed(token_ids[start:end]):
            key = delta.section, delta.index
            passages[key] = passages.get(key, "") + delta.text
    assert parser.flush() == []
    assert parser.status is Status.COMPLETE
    return [(section, index, text) for (section, index), text in passages.items()]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(FORMATS)),
    st.booleans(),
    st.integers(0, 2**32),
    st.lists(st.integers(0, 9), max_size=30),
)
def test_the_parser_finds_the_sections_that_the_matcher_let_through(
    name: str, is_constrained: bool, seed: int, cuts: list[int]
) -> None:
    masks, format = masks_of(name, is_constrained=is_constrained), FORMATS[name]
    budget = random_budget(random.Random(seed), masks.automaton, most=40)
    matcher, draw = Matcher(masks.automaton, budget, masks), np.random.default_rng(seed)
    token_ids: list[int] = []
    opened = None
    while not matcher.is_terminated:
        token_ids.append(int(draw.choice(np.flatnonzero(matcher.allowed()))))
        assert matcher.accept(token_ids[-1])
        if opened is None and matcher.is_answering:
            opened = len(token_ids)
    strict = replace(format, text_guard="closing") if is_constrained else format
    whole = Reply.parse(VOCABULARY.decode(token_ids).decode(), strict)

    passages = streamed(format, token_ids, cuts)
    assert passages == streamed(format, token_ids, [])
    assert passages == streamed(format, token_ids, [1] * len(token_ids))
    for section in (Section.REFLECTION, Section.OUTPUT):
        found = [text for kind, _, text in passages if kind is section]
        assert found == [text for kind, text in whole.sections if kind is section and text]
    thought = "".join(text for kind, _, text in passages if kind is Section.THINKING)
    assert thought == "".join(text for kind, text in whole.sections if kind is Section.THINKING)

    parser = ReplyParser(format, VOCABULARY)
    parser.feed(token_ids)
    assert parser.num_reflections == matcher.num_reflections
    assert parser.num_reasoning_tokens == opened


@pytest.mark.parametrize("name", FORMATS)
def test_the_parser_ends_where_the_matcher_ends_and_nowhere_before(name: str) -> None:
    masks = masks_of(name, is_constrained=False)
    rng, draw = random.Random(2), np.random.default_rng(2)
    for _ in range(60):
        matcher = Matcher(masks.automaton, random_budget(rng, masks.automaton, most=24), masks)
        parser = ReplyParser(FORMATS[name], VOCABULARY)
        while not matcher.is_terminated:
            token_id = int(draw.choice(np.flatnonzero(matcher.allowed())))
            matcher.accept(token_id)
            parser.feed([token_id])
            is_over = matcher.allowed()[STOP]
            assert (parser.status is Status.COMPLETE) == is_over
