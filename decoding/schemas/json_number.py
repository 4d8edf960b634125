"""JSON numbers between bounds, as grammars over their digits.

The numbers stay where every JSON reader reads them back exactly: integers have at most 18 digits
(64 bits), numbers between bounds at most 15 (a double tells them apart and keeps their order).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from decoding.grammars.grammar import EMPTY, NOTHING, Chars, GrammarError, Join, Node, Repeat, Text
from decoding.schemas.json_text import either, joined

MAX_DIGITS = 18
MAX_EXACT_DIGITS = 15
PLACES = 6
MAX_MULTIPLES = 10_000
MAX_ENDINGS = 1_000
LARGEST = 10**MAX_DIGITS - 1

DIGIT = Chars(((0x30, 0x39),))
NOT_ZERO = Chars(((0x31, 0x39),))
MINUS = Text(b"-")
NATURAL = either((Text(b"0"), Join((NOT_ZERO, Repeat(DIGIT, 0, MAX_DIGITS - 1)))))
INTEGER = either((Text(b"0"), Join((Repeat(MINUS, 0, 1), NOT_ZERO, Repeat(DIGIT, 0, 17)))))
SIGN = Repeat(Chars(((0x2B, 0x2B), (0x2D, 0x2D))), 0, 1)
EXPONENT = Join((Chars(((0x45, 0x45), (0x65, 0x65))), SIGN, Repeat(DIGIT, 1, 2)))
NUMBER = Join(
    (
        Repeat(MINUS, 0, 1),
        NATURAL,
        Repeat(Join((Text(b"."), Repeat(DIGIT, 1))), 0, 1),
        Repeat(EXPONENT, 0, 1),
    )
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a number must be: at least `low`, at most `high` (or beyond them), in whole steps."""

    low: Fraction | None = None
    high: Fraction | None = None
    is_above_low: bool = False
    is_below_high: bool = False
    step: int | None = None

    @property
    def is_free(self) -> bool:
        return self.low is None and self.high is None

    def least(self, unit: Fraction) -> int | None:
        """Return the least multiple of the unit within the bounds."""
        if self.low is None:
            return None
        return floor(self.low / unit) + 1 if self.is_above_low else ceil(self.low / unit)

    def most(self, unit: Fraction) -> int | None:
        """Return the largest multiple of the unit within the bounds."""
        if self.high is None:
            return None
        return ceil(self.high / unit) - 1 if self.is_below_high else floor(self.high / unit)

    def holds(self, value: Fraction) -> bool:
        is_high = self.low is None or (value > self.low if self.is_above_low else value >= self.low)
        is_low = self.high is None or (
            value < self.high if self.is_below_high else value <= self.high
        )
        return is_high and is_low and (self.step is None or value % self.step == 0)

    def misses(self, other: Bounds) -> bool:
        """Whether no number can be within both."""
        return self._is_below(other) or other._is_below(self)

    def _is_below(self, other: Bounds) -> bool:
        if self.high is None or other.low is None:
            return False
        touches = not (self.is_below_high or other.is_above_low)
        return self.high < other.low if touches else self.high <= other.low


def integer(bounds: Bounds) -> Node:
    """Return the integers within the bounds."""
    step = bounds.step or 1
    if bounds.is_free and step == 1:
        return INTEGER
    low, high = bounds.least(Fraction(1)), bounds.most(Fraction(1))
    low = -LARGEST if low is None else max(low, -LARGEST)
    high = LARGEST if high is None else min(high, LARGEST)
    return either(
        (
            joined(MINUS, _multiples(max(1, -high), -low, step)),
            _multiples(max(0, low), high, step),
        )
    )


def number(bounds: Bounds) -> Node:
    """Return numbers within the bounds: as decimals without an exponent where there are any."""
    if bounds.step is not None:
        return integer(bounds)
    return NUMBER if bounds.is_free else _decimals(bounds)


def _decimals(bounds: Bounds) -> Node:
    places = _places(bounds)
    if places == 0:
        return integer(bounds)
    unit = Fraction(1, 10**places)
    largest = 10**MAX_EXACT_DIGITS - 1
    low, high = bounds.least(unit), bounds.most(unit)
    low = -largest if low is None else max(low, -largest)
    high = largest if high is None else min(high, largest)
    return either(
        (
            joined(MINUS, _decimal(max(1, -high), -low, places)),
            _decimal(max(0, low), high, places),
        )
    )


def _places(bounds: Bounds) -> int:
    """Return how many digits after the point leave room for those before it."""
    ends = [abs(end) for end in (bounds.low, bounds.high) if end is not None]
    wanted = max(PLACES, *(_decimals_of(end) for end in ends))
    before = max(len(str(floor(end))) for end in ends)
    return max(0, min(wanted, MAX_EXACT_DIGITS - before))


def _decimals_of(value: Fraction) -> int:
    """Return how many digits after the point the value has, as far as they can matter."""
    return next(
        (n for n in range(MAX_EXACT_DIGITS) if (value * 10**n).denominator == 1), MAX_EXACT_DIGITS
    )


def _decimal(low: int, high: int, places: int) -> Node:
    """Return the decimals from low to high, both counted in units of the last place."""
    if low > high:
        return NOTHING
    unit = 10**places
    (first, from_), (last, to) = divmod(low, unit), divmod(high, unit)
    zeros, nines = "0" * places, "9" * places
    start, end = f"{from_:0{places}}", f"{to:0{places}}"
    if first == last:
        return joined(_text(first), _fraction(start, end))
    return either(
        (
            joined(_text(first), _fraction(start, nines)),
            joined(_naturals(first + 1, last - 1), _fraction(zeros, nines)),
            joined(_text(last), _fraction(zeros, end)),
        )
    )


def _fraction(low: str, high: str) -> Node:
    """Return the point and digits between these, or nothing at all where that is zero."""
    some = joined(Text(b"."), _digit(low, high, may_stop=True))
    return either((EMPTY, some)) if not low.strip("0") else some


def _multiples(low: int, high: int, step: int) -> Node:
    """Return the multiples of the step from low to high, both at least 0."""
    low, high = -(-low // step) * step, high // step * step
    if low > high:
        return NOTHING
    if step == 1:
        return _naturals(low, high)
    if (high - low) // step < MAX_MULTIPLES:
        return either(_text(value) for value in range(low, high + 1, step))
    places = next((n for n in range(1, MAX_DIGITS) if 10**n % step == 0), None)
    if places is None or 10**places // step > MAX_ENDINGS:
        raise GrammarError(
            f"expected a step that divides a power of ten, such as 5 or 100, or at most "
            f"{MAX_MULTIPLES:,} multiples between minimum and maximum, came {step}"
        )
    return _with_endings(low, high, step, places)


def _with_endings(low: int, high: int, step: int, places: int) -> Node:
    """Return the multiples by their last digits, and what may stand before those."""
    unit = 10**places
    endings: dict[tuple[int, int], list[int]] = {}
    for ending in range(0, unit, step):
        before = max(1, -((ending - low) // unit)), (high - ending) // unit
        endings.setdefault(before, []).append(ending)
    small = [_text(ending) for ending in range(0, unit, step) if low <= ending <= high]
    return either(
        (
            *small,
            *(
                joined(_naturals(*before), either(_text(e, places) for e in same))
                for before, same in endings.items()
            ),
        )
    )


def _naturals(low: int, high: int) -> Node:
    """Return the integers from low to high, both at least 0."""
    if low > high:
        return NOTHING
    if (low, high) == (0, LARGEST):
        return NATURAL
    options = []
    for count in range(len(str(low)), len(str(high)) + 1):
        start = max(low, 10 ** (count - 1) if count > 1 else 0)
        options.append(_digits(str(start), str(min(high, 10**count - 1)), may_stop=False))
    return either(options)


def _digits(low: str, high: str, *, may_stop: bool) -> Node:
    """Return as many digits, between these two; fewer where zeros for the rest are between them."""
    if not low:
        return EMPTY
    if not low.strip("0") and not high.strip("9"):
        return Repeat(DIGIT, 0 if may_stop else len(low), len(low))
    some = _digit(low, high, may_stop=may_stop)
    return either((EMPTY, some)) if may_stop and not low.strip("0") else some


def _digit(low: str, high: str, *, may_stop: bool) -> Node:
    """Return one digit or more, up to the length of the bounds."""
    rest = len(low) - 1
    zeros, nines = "0" * rest, "9" * rest
    first, last = ord(low[0]), ord(high[0])
    if first == last:
        return joined(Text(low[:1].encode()), _digits(low[1:], high[1:], may_stop=may_stop))
    options = []
    if low[1:] != zeros:
        options.append(joined(Text(low[:1].encode()), _digits(low[1:], nines, may_stop=may_stop)))
        first += 1
    if high[1:] != nines:
        options.append(joined(Text(high[:1].encode()), _digits(zeros, high[1:], may_stop=may_stop)))
        last -= 1
    if first <= last:
        free = _digits(zeros, nines, may_stop=may_stop)
        options.append(joined(Chars(((first, last),)), free))
    return either(options)


def _text(value: int, width: int = 0) -> Text:
    return Text(f"{value:0{width}}".encode())
