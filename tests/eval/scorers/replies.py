"""Texts that a model may write, and worse: for the laws that every scorer keeps."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.eval.scorers import gsm8k_cases, letters_cases

PIECES = [
    *("The answer is ", "answer: ", "#### ", "\\boxed{", "}", "\\frac{", "{", "\\text{", "A: "),
    *("42", "-", "\u2212", "1,000", "/", "1/0", "10^", "e999", ".", ",", "=", "$", "%", "½", "²"),
    *(
        "A",
        "B.",
        "(C)",
        "D is correct",
        "\n",
        " ",
        "**",
        "`",
        "\u202f",
        "'",
        "I ",
        "_",
        "^{",
        "\x00",
    ),
    *("<thinking>", "</thinking>", "<output>", "</output>", "<think>", "</think>"),
]
WRITTEN = [case[0] for case in gsm8k_cases.CASES + letters_cases.CASES]
replies = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(PIECES), max_size=15).map("".join),
    st.lists(st.sampled_from(WRITTEN), min_size=1, max_size=3).map("\n".join),
)
HOSTILE = [
    "9" * 100_000,
    "1/" * 30_000,
    "1,000" * 20_000,
    ",000" * 20_000 + "x",
    "1.000" * 20_000,
    "1 " * 30_000,
    "-" * 50_000,
    "10^" * 30_000,
    "1e9" * 30_000,
    "1e" + "9" * 50_000,
    "\\frac{" * 150_000,
    "\\frac{1}{" * 10_000,
    "\\text{" * 150_000,
    "\\boxed{" * 150_000,
    "{" * 50_000,
    "\n" * 50_000,
    " " * 50_000,
    "answer is " * 10_000,
    "answer is" + " " * 50_000,
    "answer (" * 10_000,
    "answer to " * 10_000,
    "answer:\n" * 10_000,
    "answer:" + "\n" * 50_000,
    "#### " * 20_000,
    "####" + "(" * 50_000,
    "The answer is 1 = " + "(" * 30_000,
    "The answer is 1" + " = 1" * 20_000,
    "A: " * 20_000,
    "A\n" * 30_000,
    "(" * 50_000 + "A",
    "A is " * 20_000,
    "\u00bd" * 30_000,
    "²" * 30_000,
    "\ud800",
]
