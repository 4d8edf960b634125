"""A model's Markdown, LaTeX and Unicode as plain text, in which answers are looked for."""

from __future__ import annotations

import re

ZEROS = "\uff10\u0660\u06f0\u0966"  # full width, Arabic-Indic, Persian, Devanagari
DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d"
SPACES = "\u00a0\u2002\u2003\u2007\u2008\u2009\u200a\u202f\u3000"
INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
CAPITALS = range(0xFF21, 0xFF3B)  # full width
CHARACTERS = str.maketrans(
    {chr(ord(zero) + digit): str(digit) for zero in ZEROS for digit in range(10)}
    | {chr(code): chr(code - 0xFF21 + ord("A")) for code in CAPITALS}
    | dict.fromkeys(DASHES, "-")
    | dict.fromkeys(SPACES, " ")
    | dict.fromkeys(INVISIBLE, "")
    | {"’": "'", "ʼ": "'", "“": '"', "”": '"', "（": "(", "）": ")"}
    | {"，": ",", "：": ":", "＝": "=", "×": " x ", "⋅": " x ", "·": " x ", "⁄": "/", "∕": "/"}
)
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
SUPERSCRIPT = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]+")
VULGAR = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅛": "1/8"}
VULGAR_FRACTION = re.compile(f"([0-9]?)([{''.join(VULGAR)}])")

LATEX_TEXT = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mathit|mbox)\s?\{([^{}]*)\}")
LATEX_FRACTION = re.compile(
    r"([0-9]?)\\[dt]?frac\s?(?:\{([^{}]*)\}|([0-9]))\s?(?:\{([^{}]*)\}|([0-9]))"
)
LATEX_TIMES = re.compile(r"\\times|\\cdot")
DROPPED = re.compile(r"\*\*|__|`|\\[()\[\],!;:]|\{(?=,\})|(?<=\{,)\}")


def plain_text(text: str) -> str:
    """Return the text without markup: one kind of dash and space, `a/b` for fractions. Linear."""
    if not text.isascii():
        text = _ascii(text)
    if "\\" in text:
        text = LATEX_TEXT.sub(r"\1", text)
        text = LATEX_FRACTION.sub(_fraction, text)
        text = LATEX_TIMES.sub(" x ", text)
    return DROPPED.sub("", text)


def _ascii(text: str) -> str:
    text = VULGAR_FRACTION.sub(lambda found: _apart(found[1], VULGAR[found[2]]), text)
    text = SUPERSCRIPT.sub(lambda found: f"^{found[0].translate(SUPERSCRIPTS)}", text)
    return text.translate(CHARACTERS)


def _fraction(found: re.Match[str]) -> str:
    before, top, top_digit, bottom, bottom_digit = found.groups("")
    return _apart(before, f"{top or top_digit}/{bottom or bottom_digit}")


def _apart(digit: str, fraction: str) -> str:
    return f"{digit} {fraction}" if digit else fraction
