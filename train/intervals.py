"""Intervals and tests for published figures: Wilson's interval, McNemar's exact test."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

Z95 = 1.959964


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
    if n == 0:
        return Share(0, 0, 0.0, 0.0, 100.0)
    p, z2 = k / n, Z95 * Z95
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return Share(k, n, round(100 * p, 2), round(100 * low, 2), round(100 * high, 2))


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


def pair(first: list[bool], second: list[bool]) -> Paired:
    """Compare two lists of verdicts on the same problems, in the same order."""
    both = list(zip(first, second, strict=True))
    b = sum(x and not y for x, y in both)
    c = sum(y and not x for x, y in both)
    n = len(both)
    points = (b - c) / n
    half = Z95 * math.sqrt(max(0.0, (b + c) / n - points * points) / n)
    low, high = 100 * max(-1.0, points - half), 100 * min(1.0, points + half)
    return Paired(n, b, c, round(100 * points, 2), round(low, 2), round(high, 2), mcnemar(b, c))


def mcnemar(b: int, c: int) -> float:
    """Return the exact two-sided p of b against c discordant pairs."""
    n, least = b + c, min(b, c)
    tail = sum(math.comb(n, k) for k in range(least + 1))
    return min(1.0, float(2 * tail / 2**n))
