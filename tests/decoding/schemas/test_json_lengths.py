"""The texts of a pattern that have certain lengths, against all short texts."""

from __future__ import annotations

import itertools
import re

import pytest

from decoding.grammars.dfa import compile as compile_grammar
from decoding.grammars.grammar import NOTHING, GrammarError
from decoding.grammars.pattern import parse, search
from decoding.schemas.json_lengths import between

TEXTS = ["".join(t) for n in range(7) for t in itertools.product("ab", repeat=n)]
PATTERNS = ["a*", "(a|bb)+", "a*b*", "(ab?)*a?", "a|b{2,5}", "(a*b){0,3}", "((a|b)*a)*", "a?b?a?"]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize(("least", "most"), [(0, 3), (2, 4), (3, 3), (1, 5)])
def test_texts_with_a_most_are_all_texts_of_these_lengths(
    pattern: str, least: int, most: int
) -> None:
    expected = [t for t in TEXTS if re.fullmatch(pattern, t) and least <= len(t) <= most]
    try:
        dfa = compile_grammar(between(parse(pattern), least, most))
    except GrammarError:
        assert not expected
    else:
        assert [text for text in TEXTS if dfa.accepts(text.encode())] == expected


@pytest.mark.parametrize("pattern", [*PATTERNS[:4], PATTERNS[4]])
@pytest.mark.parametrize("least", [0, 1, 2, 4])
def test_texts_with_a_least_are_texts_of_these_lengths(pattern: str, least: int) -> None:
    dfa = compile_grammar(between(parse(pattern), least, None))
    found = {text for text in TEXTS if dfa.accepts(text.encode())}
    assert found
    assert all(re.fullmatch(pattern, text) and len(text) >= least for text in found)


def test_a_least_length_that_repetitions_do_not_show_is_refused() -> None:
    with pytest.raises(GrammarError, match="minLength"):
        between(parse("(a?)*"), 3, None)


def test_lengths_are_in_characters_not_in_bytes() -> None:
    dfa = compile_grammar(between(search("é"), 2, 3))
    assert [dfa.accepts(text.encode()) for text in ("é", "éé", "😀é😀", "éééé")] == [
        False,
        True,
        True,
        False,
    ]


def test_a_most_that_cannot_be_counted_is_lowered() -> None:
    dfa = compile_grammar(between(parse("(ab)*"), 0, 10**9))
    assert dfa.accepts(b"ab" * 1_000)
    with pytest.raises(GrammarError, match="minLength"):
        between(parse("(ab)*"), 10**5, 10**9)


@pytest.mark.parametrize("pattern", ["\\n", "ab", "a*"])
def test_no_text_is_longer_than_a_most_below_the_least(pattern: str) -> None:
    assert between(search(pattern), 4, 2) == NOTHING
