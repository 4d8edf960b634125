"""Numbers as people and models write them, read as exact fractions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

TOLERANCE = Fraction(1, 10**6)
MAX_DIGITS = 300
MAX_EXPONENT = 300

SIGNS = "$£€¥₹₩₽₺₫₦₪₱฿¢"
CURRENCY = re.compile(
    rf"(?=[-+\\{SIGNS}UEGR])(?:([-+]?)\\?[{SIGNS}]|\b(?:USD|EUR|GBP|Rs\.?)(?=\s?[0-9]))"
)
SPACED_SIGN = re.compile(r"([={]\s?)-\s(?=[0-9.])")

# Thousands in groups, by comma or what stands for one elsewhere; the Indian grouping; points only
# where there are two, else it is a decimal point. Possessive: what is a number's is never tried as
# another's, so that reading is linear.
GROUPED = "|".join(rf"[0-9]{{1,3}}(?:{by}[0-9]{{3}}){{1,30}}(?![0-9])" for by in ",' _")
DECIMAL = rf"""
(?:
    (?:{GROUPED.replace(" ", "[ ]")}|[0-9]{{1,2}}(?:,[0-9]{{2}}){{1,30}},[0-9]{{3}}(?![0-9]))
    (?:\.[0-9]++)?
  | [0-9]{{1,3}}(?:\.[0-9]{{3}}){{2,30}}(?![0-9.])
  | [0-9]++(?:\.[0-9]++)?
  | (?<![0-9])\.[0-9]++
)"""
NUMBER = re.compile(
    rf"""
    (?=[-+.0-9])  # first: nearly every character ends here
    (?: (?<![\w)\]}}%.^-])(?P<sign>[-+])
      | (?<![A-Za-z0-9^])(?<![A-Za-z]_)(?<![_^]\{{)(?<!\^[-+])
    )
    (?: (?P<whole>[0-9]{{1,6}})[ ](?P<top>[1-9][0-9]?)/(?P<bottom>[1-9][0-9]?)(?![0-9/])
      | (?<![0-9]/)(?P<over>{DECIMAL})[ ]?/[ ]?(?P<under>{DECIMAL})(?![ ]?/[ ]?[0-9])
      | (?:(?P<times>{DECIMAL})[ ]{{0,3}}[x*][ ]{{0,3}})?10[ ]?\^\s?\{{?(?P<power>[-+]?[0-9]++)\}}?
      | (?P<plain>{DECIMAL})(?:[eE](?P<exponent>[-+]?[0-9]++)(?![A-Za-z]))?
    )""",
    re.VERBOSE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a text, and where it stands."""

    value: Fraction
    start: int
    end: int


def without_currency(text: str) -> str:
    """Drop signs and codes of currency before numbers; a sign keeps its place: `-$5` is -5."""
    return SPACED_SIGN.sub(r"\1-", CURRENCY.sub(lambda found: found[1] or " ", text))


def numbers(text: str) -> Iterator[Number]:
    """Yield the numbers of a plain text; what is too large, or divides by zero, is none.

    Not numbers: exponents and indices (`m^2`, `x_1`), digits within a word (`H2O`). Thousands may
    be in groups, by comma, space, apostrophe or several points; `1 1/2` is mixed; `1e3` and
    `10^3` are powers of ten. Units, percent signs and multipliers in words are not read.
    """
    for found in NUMBER.finditer(text):
        value = _value(found)
        if value is not None:
            yield Number(value, found.start(), found.end())


def last_number(text: str) -> Fraction | None:
    """Return the last number of a plain text, as `numbers` would yield it."""
    values = map(_value, reversed(list(NUMBER.finditer(text))))
    return next((value for value in values if value is not None), None)


def read_number(text: str) -> Fraction | None:
    """Return the first number of a text."""
    return next((number.value for number in numbers(without_currency(text))), None)


def equal(answer: Fraction, gold: Fraction) -> bool:
    """Whether they agree to a millionth, of the gold where that is more than 1."""
    return abs(answer - gold) <= TOLERANCE * max(Fraction(1), abs(gold))


def _value(found: re.Match[str]) -> Fraction | None:
    parts = found.groupdict()
    if parts["whole"]:
        size = Fraction(int(parts["whole"])) + Fraction(int(parts["top"]), int(parts["bottom"]))
        return -size if parts["sign"] == "-" else size
    size_of = parts["over"] or parts["times"] or parts["plain"] or "1"
    size_or_none = _times_power(_decimal(size_of), parts["power"] or parts["exponent"] or "0")
    if parts["under"]:
        size_or_none = _divided(size_or_none, _decimal(parts["under"]))
    if size_or_none is None:
        return None
    return -size_or_none if parts["sign"] == "-" else size_or_none


def _decimal(text: str) -> Fraction | None:
    if len(text) > MAX_DIGITS:
        return None
    digits = re.sub("[,' _]", "", text)
    return Fraction(digits.replace(".", "") if digits.count(".") > 1 else digits)


def _times_power(size: Fraction | None, exponent: str) -> Fraction | None:
    if size is None or len(exponent) > 4 or abs(int(exponent)) > MAX_EXPONENT:
        return None
    return size * Fraction(f"1e{exponent}")


def _divided(over: Fraction | None, under: Fraction | None) -> Fraction | None:
    return over / under if over is not None and under else None
