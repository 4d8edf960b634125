from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.scorers.latex import canonical, is_exact, is_literal, last_box, plain

COMMANDS = [r"\boxed", r"\fbox", r"\frac", r"\text", r"\circ", "000", " and "]
PIECES = st.lists(
    st.sampled_from(COMMANDS) | st.sampled_from("{}$ \n\\10,x=^_.%/()-"), max_size=40
).map("".join)


@pytest.mark.parametrize(
    ("text", "box"),
    [
        (r"\boxed{1} \boxed{2}", "2"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{\left\{ x \right.}", r"\left\{ x \right."),
        (
            r"\boxed{\begin{pmatrix} 1 \\{2} \end{pmatrix}}",
            r"\begin{pmatrix} 1 \\{2} \end{pmatrix}",
        ),
        (r"\boxed {7}", "7"),
        (r"\boxed 12 or so", "12"),
        ("\\boxed{12 is\nthe end", "12 is"),
        (r"\fbox{3}", "3"),
        (r"\boxed{3} and an empty \boxed{ }", "3"),
        (r"\boxed{\boxed{3}}", "3"),
        (r"\boxed{}", None),
        (r"\boxed", None),
        ("no box", None),
    ],
)
def test_the_last_box_that_is_not_empty(text: str, box: str | None) -> None:
    assert last_box(text) == box


@pytest.mark.parametrize(
    "same",
    [
        ["1/2", "0.5", ".5", r"\frac12", r"\dfrac{1}{2}", r"\frac{2}{4}", r"$\frac 1 2$", "+0.50"],
        ["10000", "10,000", "10{,}000", r"10,\!000", r"10\,000", r"\$10,000", "10000."],
        ["-3/4", r"-\frac{3}{4}", r"\frac{-3}{4}", "−.75"],
        [r"2\frac{1}{2}", "2.5", r"2 \frac12"],
        ["15", r"15\text{ cm}", r"15 \mbox{ cm}^2", r"15^\circ", "15°", r"15\%", "15%"],
        [r"\text{Even}", "even", r"\textbf{even}", r"\mathrm{even}"],
        [r"\text{(C)}", "C", "(C)", "c", r"(\text{C})"],
        [r"\text{4:30 p.m.}", r"\text{4:30 PM}"],
        ["A,D", r"\text{D, A}", r"D \text{ and } A"],
        [r"(1,\frac{\pi}{2})", r"\left(1, \dfrac{\pi}{2} \right)"],
        ["2012_3", "2012_{3}"],
        ["x^2", "x^{2}"],
        [r"\sqrt2", r"\sqrt{2}"],
        [r"1 \le x", r"1 \leq x"],
        [r"\emptyset", r"\varnothing"],
    ],
)
def test_equal_answers_have_one_canonical_text(same: list[str]) -> None:
    assert len({canonical(answer) for answer in same}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,000", "1.000"),
        ("10,00", "1000"),
        ("(1,200)", "1200"),
        (r"\text{9 a.m.}", r"\text{9 p.m.}"),
        (r"9\text{ a.m.}", r"9\text{ p.m.}"),
        ("2012_3", "2012_4"),
        ("x=3", "y=3"),
        (r"\frac{1}{0}", "0"),
        ("12", "1.2"),
        (r"\pi r", r"\pi"),
    ],
)
def test_answers_that_look_alike_keep_texts_of_their_own(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


def test_a_row_of_a_matrix_is_not_a_space() -> None:
    assert r"1\\3" in plain(r"\begin{pmatrix} 1 \\ 3 \end{pmatrix}")


def test_words_letters_times_and_numerals_are_nothing_to_calculate_with() -> None:
    for answer in [r"\text{north}", "north", "C", r"\text{1:03 PM}", "152A_{11}", "2012_3"]:
        assert is_literal(answer)
    for answer in ["p - q", "2x", r"\frac12", r"\text{13}", "xy", "(1,2)", "a_1 + a_2"]:
        assert not is_literal(answer)


def test_integers_and_their_fractions_are_exact() -> None:
    for answer in ["7", "-7", "1,000", r"\frac{1}{3}", "2/3", r"1\frac12", r"5\text{ cm}"]:
        assert is_exact(answer)
    for answer in ["0.3", r"50\%", "x", "2012_3", r"\pi", "(1,2)", "1,2"]:
        assert not is_exact(answer)


@given(PIECES)
def test_no_text_raises(text: str) -> None:
    last_box(text)
    canonical(text)
    is_literal(text)


@given(PIECES)
def test_the_canonical_text_of_a_canonical_text_is_itself_where_it_is_a_number(text: str) -> None:
    found = canonical(text)
    try:
        Fraction(found)
    except (ValueError, ZeroDivisionError):
        return
    assert canonical(found) == str(Fraction(found))


@given(st.fractions(), st.booleans())
def test_a_fraction_is_its_own_canonical_text_however_it_is_written(
    value: Fraction, is_short: bool
) -> None:
    sign, above = "-" if value < 0 else "", abs(value.numerator)
    name = "frac" if is_short else "dfrac"
    assert canonical(rf"{sign}\{name}{{{above}}}{{{value.denominator}}}") == str(value)
