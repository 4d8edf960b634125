"""Shares and paired differences in percent, as the demo model's manifest states them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from estimates import paired
from estimates.clusters import clustered_counts
from estimates.proportions import Interval, wilson


@dataclass(frozen=True, slots=True)
class Share:
    """k of n, with the bounds of their 95 % interval, all as percentages but k and n."""

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
    return _share(k, wilson(k, n))


def clustered_share(counts: Sequence[tuple[int, int]], clusters: Sequence[Hashable]) -> Share:
    """Return the share of what was counted; counts: k of n in a cluster, some often."""
    return _share(sum(k for k, _ in counts), clustered_counts(counts, clusters))


def _share(k: int, found: Interval) -> Share:
    percent, low, high = (round(100 * x, 2) for x in (found.value, found.low, found.high))
    return Share(k, found.n, percent, low, high)


@dataclass(frozen=True, slots=True)
class Paired:
    """Two models on the same problems: who alone was right, and by how much.

    `points` is first minus second in percentage points, with a 95 % interval cut at +-100; it and
    the two-sided p are those of `estimates.paired`.
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


def pair(
    first: Sequence[bool], second: Sequence[bool], clusters: Sequence[Hashable] | None = None
) -> Paired:
    """Compare two lists of verdicts on the same problems, in the same order."""
    found = paired.pair(list(map(float, second)), list(map(float, first)), clusters=clusters)
    low, high = max(-1.0, found.difference.low), min(1.0, found.difference.high)
    points, low, high = (round(100 * x, 2) for x in (found.difference.value, low, high))
    return Paired(found.n, found.c, found.b, points, low, high, found.p)
