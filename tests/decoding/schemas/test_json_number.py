"""Numbers between bounds, by trying the numbers around."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decoding.grammars.dfa import compile as compile_grammar
from decoding.grammars.grammar import GrammarError
from decoding.schemas.json_number import LARGEST, Bounds, integer, number

INTEGERS = st.integers(-40, 40) | st.integers(-3_000, 3_000) | st.integers(-(10**12), 10**12)
DECIMALS = st.builds(Fraction, st.integers(-3_000, 3_000), st.sampled_from([1, 10, 100, 1000]))


def bounds_of(ends: st.SearchStrategy[Fraction]) -> st.SearchStrategy[Bounds]:
    maybe = ends | st.none()
    steps = st.sampled_from([None, 1, 2, 5, 10, 20, 100])
    return st.builds(Bounds, maybe, maybe, st.booleans(), st.booleans(), steps)


def accepted(node: object, texts: list[str]) -> list[bool]:
    try:
        dfa = compile_grammar(node)  # type: ignore[arg-type]
    except GrammarError:
        return [False for _ in texts]
    return [dfa.accepts(text.encode()) for text in texts]


@settings(max_examples=100, deadline=None)
@given(bounds_of(st.builds(Fraction, INTEGERS)), st.lists(INTEGERS, min_size=20, max_size=20))
def test_integers_are_those_within_the_bounds(bounds: Bounds, values: list[int]) -> None:
    for end in (bounds.low, bounds.high):
        if end is not None:
            values = [*values, *range(int(end) - 21, int(end) + 22)]
    expected = [bounds.holds(Fraction(value)) for value in values]
    assert accepted(integer(bounds), [str(value) for value in values]) == expected


@settings(max_examples=100, deadline=None)
@given(bounds_of(DECIMALS), st.lists(DECIMALS, min_size=30, max_size=30))
def test_decimals_are_those_within_the_bounds(bounds: Bounds, values: list[Fraction]) -> None:
    values = [value for value in values if bounds.step is None or value.denominator == 1]
    values += [end for end in (bounds.low, bounds.high) if end is not None and bounds.step is None]
    texts = [
        str(int(value)) if value.denominator == 1 else f"{float(value):.3f}" for value in values
    ]
    expected = [bounds.holds(value) for value in values]
    assert accepted(number(bounds), texts) == expected


@settings(max_examples=100, deadline=None)
@given(bounds_of(DECIMALS), bounds_of(DECIMALS), st.lists(DECIMALS, min_size=20, max_size=20))
def test_bounds_that_miss_have_no_number_in_common(
    one: Bounds, other: Bounds, values: list[Fraction]
) -> None:
    ends = [end for end in (one.low, one.high, other.low, other.high) if end is not None]
    if one.misses(other):
        assert not any(one.holds(value) and other.holds(value) for value in values + ends)


def test_integers_stay_within_eighteen_digits() -> None:
    texts = [str(LARGEST), str(-LARGEST), str(LARGEST + 1), "-0", "00", "01"]
    for bounds in (Bounds(), Bounds(low=Fraction(-(10**30))), Bounds(high=Fraction(10**30))):
        assert accepted(integer(bounds), texts) == [True, True, False, False, False, False]


def test_a_bound_is_kept_where_doubles_are_coarse() -> None:
    low = Fraction(2**53 + 1)
    texts = [str(2**53), str(2**53 + 1), str(2**53 + 2)]
    assert accepted(number(Bounds(low=low)), texts) == [False, True, True]


def test_no_decimal_is_so_long_that_a_double_rounds_it_over_a_bound() -> None:
    below = Bounds(low=Fraction(0), high=Fraction(3, 10), is_below_high=True)
    texts = ["0.299999", "0.3", "0.29999999999999999999"]
    assert accepted(number(below), texts) == [True, False, False]


def test_steps_that_have_no_short_form_are_refused() -> None:
    assert accepted(integer(Bounds(Fraction(0), Fraction(30), step=7)), ["28"]) == [True]
    with pytest.raises(GrammarError, match="power of ten"):
        integer(Bounds(step=7))
    with pytest.raises(GrammarError, match="power of ten"):
        integer(Bounds(step=3 * 10**9))
