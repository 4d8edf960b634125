r"""Answers in LaTeX: the last \boxed{} of a text, and a canonical text of what stands in it."""

from __future__ import annotations

import re
from fractions import Fraction

BOX = re.compile(r"\\(?:boxed|fbox)\s*")
BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
NEXT_TOKEN = re.compile(r"\\[a-zA-Z]+|\d+|\S")

CHARACTERS = str.maketrans(
    {
        "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "\u00a0": " ", "\u202f": " ",
        "\u2009": " ", "°": r"^\circ ", "π": r"\pi ", "∞": r"\infty ", "×": r"\times ",
        "≤": r"\leq ", "≥": r"\geq ", "∪": r"\cup ", "∅": r"\emptyset ", "±": r"\pm ",
    }
)  # fmt: skip
TEXT_COMMAND = r"\\(?:text(?:bf|it|rm|sf|tt|normal)?|mathrm|mathbf|mathit|mathsf|mbox|hbox)\s*"
NUMBER = r"(?:\d+\.?\d*|\.\d+)"
NO_HALF_DAY, POWER = r"(?!\s*[aApP]\.?\s?[mM]\b)", r"(?:\^\{?\d\}?)?"
# What is only looks, and one of several ways of writing the same; in this order.
REWRITES = [
    (re.compile(pattern), replacement)
    for pattern, replacement in [
        (r"\\\$|\$|\\[()\[\]](?<!\\\\.)", ""),
        (r"(?<=\d)(?:\{,\}|,\\!|\\,)(?=\d{3})", ""),
        (r"(?<!\\)\\(?:[,!;: ]|q?quad(?![a-zA-Z]))|~", " "),
        (r"\\(?:left|right|[bB]igg?[lr]?|displaystyle|limits)(?![a-zA-Z])", ""),
        (r"\\[dtc]frac(?![a-zA-Z])", r"\\frac"),
        (r"\^\s*\{?\s*\\(?:circ|degree)\s*\}?|\\degree(?![a-zA-Z])", " "),
        (r"\\varnothing(?![a-zA-Z])", r"\\emptyset "),
        (r"\\(le|ge)(?![a-zA-Z])", r"\\\1q "),
        (rf"{TEXT_COMMAND}\{{\s*(?:,?\s*(?:and|or)|,)\s*\}}|\s(?:and|or)\s", ","),
        (r",(?:\s*,)+", ","),
        (r"\\frac\s*(\d)\s*(\d)", r"\\frac{\1}{\2}"),
        (r"\\frac\s*(\d)\s*\{", r"\\frac{\1}{"),
        (r"(\\frac\s*\{[^{}]*\})\s*([\da-zA-Z])", r"\1{\2}"),
        (r"(\\sqrt|[_^])\s*([\da-zA-Z])", r"\1{\2}"),
        (rf"^\s*{TEXT_COMMAND}\{{[^{{}}]*(?:\bis|:)\s*\}}(?=.)", ""),
        (  # a unit: words after a number or an expression, but not half of a day
            rf"(?<=[\w}})\]])\s*{TEXT_COMMAND}\{{{NO_HALF_DAY}[^{{}}\d]*\}}{POWER}\.?\s*$",
            "",
        ),
    ]
]
TEXT = re.compile(rf"{TEXT_COMMAND}\{{([^{{}}]*)\}}")
SPACE = re.compile(r"(?<![a-zA-Z])\s+|\s+(?![a-zA-Z])")
WORDS = re.compile(r"\(?[a-zA-Z]\)?|[a-zA-Z]{3}[a-zA-Z ]*")
NUMERAL = re.compile(r"-?[\dA-Z.]+_\{\d+\}")
LETTERS = re.compile(r"[a-zA-Z](?:,[a-zA-Z])+")
THOUSANDS = re.compile(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
MIXED = re.compile(r"([-+]?)(\d+)\\frac\{(\d+)\}\{(\d+)\}")
QUOTIENT = re.compile(
    rf"([-+]?)(?:\\frac\{{(-?{NUMBER})\}}\{{(-?{NUMBER})\}}|({NUMBER})(?:/({NUMBER}))?)"
)
MAX_NUMBER_CHARS = 100
MAX_EMPTY_BOXES = 20


def last_box(text: str) -> str | None:
    r"""Return what stands in the last \boxed{} or \fbox{} that is not empty; None without one.

    Braces balance; a box that is not closed runs to the end of its line; `\boxed 5` is a box too.
    """
    starts = [match.end() for match in BOX.finditer(text)]
    for start in reversed(starts[-MAX_EMPTY_BOXES:]):
        content = _content(text, start).strip()
        if content:
            return content
    return None


def plain(answer: str) -> str:
    """Write an answer plainly: no dollars, units, degrees, spacing; one form of a fraction."""
    text = answer.translate(CHARACTERS)
    for pattern, replacement in REWRITES:
        text = pattern.sub(replacement, text)
    text = " ".join(TEXT.sub(r"\1", text).split())
    text = SPACE.sub("", text).rstrip(".")
    if mixed := MIXED.fullmatch(text):
        sign, whole, above, below = mixed.groups()
        return rf"{sign}\frac{{{int(whole) * int(below) + int(above)}}}{{{below}}}"
    return text


def canonical(answer: str) -> str:
    """Write equal answers equally, as far as text and exact fractions tell.

    Per cent signs go, words lose their case, lists of letters are sorted.
    """
    text = plain(answer).replace(r"\%", "").replace("%", "")
    if LETTERS.fullmatch(text):
        return ",".join(sorted(text.split(",")))
    if _is_words(answer, text):
        return re.sub(r"[().\s]", "", text).lower()
    return _fraction(text) or text


def is_literal(answer: str) -> bool:
    """Whether an answer is nothing to calculate with: words, a time of day, a letter, a numeral.

    As products of letters "north" would be equal to "thorn"; math-verify drops a numeral's base.
    """
    text = plain(answer)
    return NUMERAL.fullmatch(text) is not None or _is_words(answer, text)


def is_exact(answer: str) -> bool:
    """Whether an answer is an integer or a fraction of them: equal if canonically equal, or not."""
    text = plain(answer)
    return "." not in text and _fraction(text) is not None


def _is_words(answer: str, text: str) -> bool:
    is_text = TEXT.match(answer.strip()) is not None
    return WORDS.fullmatch(text) is not None or (is_text and _fraction(text) is None)


def _content(text: str, start: int) -> str:
    if text[start : start + 1] != "{":
        token = NEXT_TOKEN.match(text, start)
        return token[0] if token else ""
    depth = 0
    for brace in BRACE.finditer(text, start):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if depth == 0:
            return text[start + 1 : brace.start()]
    return text[start + 1 :].partition("\n")[0]


def _fraction(text: str) -> str | None:
    """Return the exact value of a number as text; None of anything else."""
    if len(text) > MAX_NUMBER_CHARS:
        return None
    if THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    quotient = QUOTIENT.fullmatch(text)
    if not quotient:
        return None
    sign, *parts = quotient.groups()
    above, below = [part for part in (*parts, "1") if part][:2]
    if Fraction(below) == 0:
        return None
    return str(Fraction(above) / Fraction(below) * (-1 if sign == "-" else 1))
