from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.scorers.number_reader import equal, last_number, numbers, read_number
from tests.eval.scorers.replies import replies


@given(st.integers(), st.sampled_from(["", ","]))
def test_an_integer_is_read_as_it_is_written(value: int, separator: str) -> None:
    assert read_number(f"{value:{separator}}") == value
    assert read_number(f"${value:{separator}}.00 in all") == value


@given(st.fractions(max_denominator=10**6))
def test_a_fraction_is_read_exactly(value: Fraction) -> None:
    assert read_number(f"{value.numerator}/{value.denominator}") == value


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12))
def test_a_decimal_is_read_exactly(value: object) -> None:
    assert read_number(f"{value:f}") == Fraction(f"{value:f}")


@given(st.integers(min_value=-99, max_value=99), st.integers(min_value=-300, max_value=300))
def test_powers_of_ten_are_read_exactly(size: int, power: int) -> None:
    for text in (f"{size}e{power}", f"{size} x 10^{power}", f"{size} x 10^{{{power}}}"):
        assert read_number(text) == size * Fraction(10) ** power


@given(replies)
def test_numbers_stand_in_order_and_do_not_overlap(text: str) -> None:
    ends = [0]
    for number in numbers(text):
        assert ends[-1] <= number.start < number.end <= len(text)
        ends.append(number.end)


@pytest.mark.parametrize("text", ["9" * 301, "1e301", "1e-301", "1/0", "0/0", "1/0.0", "10^9999"])
def test_what_is_too_large_or_divides_by_zero_is_no_number(text: str) -> None:
    assert read_number(text) is None


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1, 2 and 3", [1, 2, 3]),
        ("1,000,50", [1000, 50]),
        ("10-20", [10, 20]),
        ("(-3)", [-3]),
        ("3 - 2", [3, 2]),
        ("12/25/2020", [12, 25, 2020]),
        ("3:30", [3, 30]),
        ("1.2.3", [Fraction("1.2"), 3]),
        ("x2 y_3 m^4 z_{5} w^{6} v^-7", []),
    ],
)
def test_several_numbers_are_told_apart(text: str, values: list[int]) -> None:
    assert [number.value for number in numbers(text)] == values


def test_equality_is_to_a_millionth() -> None:
    assert equal(Fraction("0.333333"), Fraction(1, 3))
    assert not equal(Fraction("0.33333"), Fraction(1, 3))
    assert equal(Fraction(10**9 + 999), Fraction(10**9))
    assert not equal(Fraction(10**9 + 1001), Fraction(10**9))
    assert not equal(Fraction(-5), Fraction(5))
    assert equal(Fraction("0.0000009"), Fraction(0))  # near 0 by the difference itself
    assert equal(Fraction("0.0010009"), Fraction("0.001"))
    assert not equal(Fraction("0.0010011"), Fraction("0.001"))


@given(replies)
def test_the_last_number_is_the_last_of_all(text: str) -> None:
    values = [number.value for number in numbers(text)]
    assert last_number(text) == (values[-1] if values else None)
