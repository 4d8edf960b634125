"""Shares and paired differences in percent, as the demo model's manifest states them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from estimates import paired
from estimates.proportions import wilson


@dataclass(frozen=True, slots=True)
class Share:
    """k of n, with the bounds of Wilson's 95 % interval, all as percentages but k and n."""

    k: int
    n: int
    percent: float
    low: float
    high: float

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.percent:.1f} % [{self.low:.1f}, {self.high:.1f}] ({self.k}/{self.n})"


def share(k: int, n: int) -> Share:
    """Return k of n with its interval; of nothing, the whole range."""
    found = wilson(k, n)
    percent, low, high = (round(100 * x, 2) for x in (found.value, found.low, found.high))
    return Share(k, n, percent, low, high)


@dataclass(frozen=True, slots=True)
class Paired:
    """Two models on the same problems: who alone was right, McNemar's exact two-sided p.

    `points` is first minus second in percentage points, with a 95 % interval (paired, normal, cut
    at +-100).
    """

    n: int
    only_first: int
    only_second: int
    points: float
    low: float
    high: float
    p_value: float

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


def pair(first: Sequence[bool], second: Sequence[bool]) -> Paired:
    """Compare two lists of verdicts on the same problems, in the same order."""
    found = paired.pair(list(map(float, second)), list(map(float, first)))
    low, high = max(-1.0, found.difference.low), min(1.0, found.difference.high)
    points, low, high = (round(100 * x, 2) for x in (found.difference.value, low, high))
    return Paired(found.n, found.c, found.b, points, low, high, found.p)
