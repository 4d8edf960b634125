import pytest
from hypothesis import given

from eval.scorers.plain_text import plain_text
from tests.eval.scorers.replies import HOSTILE, replies


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("plain", "plain"),
        ("**42** and `43`", "42 and 43"),
        ("\\(42\\) \\[43\\]", "42 43"),
        ("\\text{a} \\textbf{b}", "a b"),
        ("10{,}000 10\\,000 10\\!000", "10,000 10000 10000"),
        ("\\frac{1}{2} \\dfrac12 2\\frac{1}{2}", "1/2 1/2 2 1/2"),
        ("½ 2½", "1/2 2 1/2"),
        ("3 \\times 4 × 5", "3  x  4  x  5"),
        ("\u22125 \u20135", "-5 -5"),
        ("1\u202f000\u00a0km", "1 000 km"),
        ("10¹²", "10^12"),
        ("\uff23 \uff14\uff12", "C 42"),
        ("4\u200b2", "42"),
    ],
)
def test_markup_becomes_plain(text: str, plain: str) -> None:
    assert plain_text(text) == plain


@given(replies)
def test_plain_words_stay(text: str) -> None:
    assert plain_text(f"{text} word").endswith(" word")


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_hostile_text_is_read_in_one_pass(text: str) -> None:
    assert len(plain_text(text)) <= 5 * len(text)
