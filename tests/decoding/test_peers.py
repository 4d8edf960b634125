"""Differential fuzzing: the automaton against xgrammar and llguidance on the plain format."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("xgrammar", reason="the peer xgrammar is not installed")
pytest.importorskip("llguidance", reason="the peer llguidance is not installed")
pytest.importorskip("outlines_core", reason="the peer outlines-core is not installed")

from benchmarks.disagreements import CATEGORIES, Category, Verdict, categorise, fuzz, table
from benchmarks.parts.court import STOP, Court, Disagreement, is_viable
from tests.decoding.judge import is_well_formed

NUM_TEXTS = 150


@pytest.fixture(scope="module")
def court() -> Court:
    return Court()


@pytest.fixture(scope="module")
def verdict(court: Court) -> Verdict:
    return fuzz(court, NUM_TEXTS, seed=3)


def test_every_disagreement_has_a_category_and_the_judge_sides_with_the_automaton(
    verdict: Verdict,
) -> None:
    assert verdict.unexplained == []


def test_the_texts_are_near_the_format_on_both_sides(verdict: Verdict) -> None:
    assert NUM_TEXTS / 20 < verdict.num_well_formed < NUM_TEXTS / 2


def test_every_category_is_met(court: Court, verdict: Verdict) -> None:
    met = {name for (name, _), count in verdict.counts.items() if count}
    assert met == {kind.name for kind in CATEGORIES}
    assert table(court, verdict).count("\n") == 1 + len(CATEGORIES)


@pytest.mark.parametrize("kind", CATEGORIES[:3], ids=lambda kind: kind.name)
def test_the_example_of_a_category_is_one(court: Court, kind: Category) -> None:
    found = list(court.hear([*kind.example, STOP], random.Random(0)))
    assert kind in [categorise(disagreement) for disagreement in found]
    assert not is_well_formed(kind.example)


@pytest.mark.parametrize(
    ("text", "is_ours"),
    [
        (b"<thinking>a</thinking><output>b</output>", False),
        (b"<thinking>a</thinking>b", True),
        (b"<thinking><reflection></thinking>", True),
    ],
)
def test_an_error_of_ours_would_be_left_unexplained(text: bytes, is_ours: bool) -> None:
    assert categorise(Disagreement("peer", text, is_end=True, is_ours=is_ours)) is None
    assert categorise(Disagreement("peer", text, is_end=False, is_ours=is_ours)) is None


def test_the_judge_of_prefixes_finds_an_end_where_there_is_one() -> None:
    reply = "<thinking>é<reflection>漢</reflection>😀</thinking>\n<output> <x</output>".encode()
    assert all(is_viable(reply[:end]) for end in range(len(reply) + 1))
    assert not is_viable(b"<output>")
    assert not is_viable(b"<thinking>\xed\xa0")
    assert not is_viable(b"<thinking></thinking><output> </output>")
