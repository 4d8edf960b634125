"""Means of scores that go together: several answers to one question, questions of one subject.

The clustered standard error is Liang and Zeger's (1986), as in E. Miller, "Adding error bars to
evals" (2024), section 2.2, with the correction for few clusters G / (G - 1).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence

from estimates.means import around, mean
from estimates.proportions import Interval, wilson, wilson_bounds

DRAWS = 10_000


def clustered_error(values: Sequence[float], clusters: Sequence[Hashable]) -> float:
    """Return the standard error of the mean; one cluster tells nothing: infinity."""
    middle = mean(values)
    residuals: dict[Hashable, list[float]] = defaultdict(list)
    for value, cluster in zip(values, clusters, strict=True):
        residuals[cluster].append(value - middle)
    count = len(residuals)
    if count < 2:
        return math.inf
    squares = math.fsum(math.fsum(ones) ** 2 for ones in residuals.values())
    return math.sqrt(squares * count / (count - 1)) / len(values)


def clustered(values: Sequence[float], clusters: Sequence[Hashable]) -> Interval:
    """Return the mean with the normal interval of its clustered error."""
    return around(mean(values), clustered_error(values, clusters), len(values))


def clustered_wilson(values: Sequence[float], clusters: Sequence[Hashable]) -> Interval:
    """Return the share of ones with Wilson's interval for as many as would have that error.

    That number is never more than there are values; where all are equal, so that no error shows,
    it is that of the clusters. E. Korn and B. Graubard, "Confidence intervals for proportions with
    small expected number of positive counts estimated from survey data" (1998), with Wilson's.
    """
    share, error = mean(values), clustered_error(values, clusters)
    if share in (0.0, 1.0):
        size: float = len(set(clusters))
    else:
        size = min(len(values), share * (1 - share) / error**2) if error else len(values)
    return Interval(share, *wilson_bounds(share, size), len(values))


def clustered_counts(counts: Iterable[tuple[int, int]], clusters: Iterable[Hashable]) -> Interval:
    """Return the share of what was counted, Wilson's; counts: k of n in a cluster, some often."""
    values: list[float] = []
    members: list[Hashable] = []
    for (k, n), cluster in zip(counts, clusters, strict=True):
        values += [1.0] * k + [0.0] * (n - k)
        members += [cluster] * n
    return clustered_wilson(values, members) if values else wilson(0, 0)


def bootstrap(
    values: Sequence[float], clusters: Sequence[Hashable], seed: int, draws: int = DRAWS
) -> Interval:
    """Return the mean, and the percentiles of the means of clusters drawn with replacement."""
    import numpy as np

    if not values:
        return Interval(0.0, 0.0, 1.0, 0)
    totals: dict[Hashable, tuple[float, int]] = {}
    for value, cluster in zip(values, clusters, strict=True):
        total, size = totals.get(cluster, (0.0, 0))
        totals[cluster] = (total + value, size + 1)
    table = np.array(list(totals.values()))
    rng = np.random.default_rng(seed)
    means = np.empty(draws)
    for draw in range(draws):  # one at a time: all at once would take draws x clusters of memory
        drawn = table[rng.integers(len(table), size=len(table))].sum(axis=0)
        means[draw] = drawn[0] / drawn[1]
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(mean(values), float(low), float(high), len(values))


def group_error(groups: Iterable[tuple[int, float]]) -> float:
    """Return sqrt(sum n_i^2 se_i^2) / n: the error of a mean over groups, of size and error each.

    The groups are taken as given (MMLU's 57 subjects), not as drawn from more of their kind.
    """
    sizes_and_errors = list(groups)
    n = sum(size for size, _ in sizes_and_errors)
    squares = math.fsum((size * error) ** 2 for size, error in sizes_and_errors)
    return math.sqrt(squares) / n if n else math.inf
