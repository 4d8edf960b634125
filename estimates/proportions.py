"""Interval: a figure with its 95 % confidence interval; Wilson's for a proportion.

E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

Z = 1.959963984540054  # the normal quantile of 0.975


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure, the bounds of its 95 % interval, and how many samples or questions it rests on."""

    value: float
    low: float
    high: float
    n: int

    def to_dict(self) -> dict[str, float | None]:
        """Return the JSON form; a bound that is not known (infinite) is null there."""
        low, high = (bound if math.isfinite(bound) else None for bound in (self.low, self.high))
        return {"value": self.value, "low": low, "high": high, "n": self.n}

    @classmethod
    def from_dict(cls, figure: Mapping[str, Any]) -> Self:
        """Read the JSON form; where bounds are not known the figure stands alone."""
        value = figure["value"]
        low, high = (
            value if figure.get(name) is None else figure[name] for name in ("low", "high")
        )
        return cls(value, low, high, figure.get("n", 0))

    def percent(self, places: int = 2) -> str:
        """Write it as people read it: `21.68 [19.54, 23.99]`."""
        value, low, high = (f"{100 * x:.{places}f}" for x in (self.value, self.low, self.high))
        return f"{value} [{low}, {high}]"


def wilson(k: int, n: int) -> Interval:
    """Return k of n with Wilson's interval; of n = 0 nothing is known: 0 in [0, 1]."""
    share = k / n if n else 0.0
    return Interval(share, *wilson_bounds(share, n), n)


def wilson_bounds(share: float, n: float) -> tuple[float, float]:
    """Return Wilson's bounds of a share of n, a whole number or not."""
    if n == 0:
        return 0.0, 1.0
    middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    low = 0.0 if share == 0 else max(0.0, middle - half)
    high = 1.0 if share == 1 else min(1.0, middle + half)
    return low, high
