"""The mean of scores with its normal 95 % interval, for scores that are not right or wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence

from estimates.proportions import Interval, Z, wilson


def mean(values: Sequence[float]) -> float:
    """Return the mean; 0 of nothing."""
    return math.fsum(values) / len(values) if values else 0.0


def standard_error(values: Sequence[float]) -> float:
    """Return the standard error of the mean, from the sample's deviation (n - 1)."""
    n = len(values)
    if n < 2:
        return math.inf
    middle = mean(values)
    return math.sqrt(math.fsum((value - middle) ** 2 for value in values) / (n - 1) / n)


def around(value: float, error: float, n: int) -> Interval:
    """Return the normal interval of a figure with that standard error."""
    return Interval(value, value - Z * error, value + Z * error, n)


def normal(values: Sequence[float]) -> Interval:
    """Return the mean with its normal interval; of one value nothing is known but itself."""
    if len(values) < 2:
        return Interval(mean(values), -math.inf, math.inf, len(values))
    return around(mean(values), standard_error(values), len(values))


def is_binary(values: Sequence[float]) -> bool:
    """Whether all are right (1) or wrong (0)."""
    return all(value in (0.0, 1.0) for value in values)


def interval(values: Sequence[float]) -> Interval:
    """Return the mean of independent scores: Wilson's interval where all are 0 or 1."""
    if is_binary(values):
        return wilson(round(math.fsum(values)), len(values))
    return normal(values)
