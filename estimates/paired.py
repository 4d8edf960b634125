"""Two runs on the same questions: the difference with its paired error, and an exact test.

Q. McNemar, "Note on the sampling error of the difference between correlated proportions" (1947),
in its exact form: of the b + c questions on which the two differ, b are binomial with a half.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from estimates.clusters import DRAWS
from estimates.means import is_binary, mean, normal
from estimates.power import smallest_change, smallest_difference
from estimates.proportions import Interval

ROUNDING = 1e-12
AT_ONCE = 500_000  # numbers


@dataclass(frozen=True, slots=True)
class Paired:
    """A first run and a second on the same n questions.

    first, second: their mean scores; difference: second minus first
    b: questions that only the first has right; c: only the second. Of scores that are not 0 or 1:
        on which it is the better
    method: "mcnemar" (normal paired interval, exact p) or "bootstrap" (interval of questions drawn
        with replacement, p of signs drawn; questions that go together are drawn together)
    smallest: the least difference that n shows, given how often the two differ
    """

    n: int
    first: float
    second: float
    b: int
    c: int
    difference: Interval
    p: float
    smallest: float
    method: str

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self) | {"difference": self.difference.to_dict()}


def pair(
    first: Sequence[float],
    second: Sequence[float],
    seed: int = 0,
    clusters: Sequence[Hashable] | None = None,
) -> Paired:
    """Compare the scores of two runs, question by question.

    Means of several answers to a question are scores that are not 0 or 1. clusters: what each
    question goes together with; None where each stands alone
    """
    if len(first) != len(second):
        raise ValueError(f"paired scores: {len(first)} and {len(second)}")
    differences = [after - before for before, after in zip(first, second, strict=True)]
    b, c = sum(d < 0 for d in differences), sum(d > 0 for d in differences)
    sums, sizes = _by_cluster(differences, clusters or range(len(differences)))
    is_alone = len(sums) == len(differences)
    if is_alone and is_binary(first) and is_binary(second):
        method, interval, p = "mcnemar", normal(differences), mcnemar(b, c)
        smallest = smallest_change(len(differences), b + c)
    else:
        method, (interval, p) = "bootstrap", _bootstrap(sums, sizes, seed)
        spread = sum(one * one for one in sums) / len(differences) if differences else 0.0
        smallest = smallest_difference(len(differences), spread)
    return Paired(
        n=len(differences),
        first=mean(first),
        second=mean(second),
        b=b,
        c=c,
        difference=interval,
        p=p,
        smallest=smallest,
        method=method,
    )


def mcnemar(b: int, c: int) -> float:
    """Return the exact two-sided p value, in whole numbers until the last division."""
    n = b + c
    term = total = 1
    for i in range(min(b, c)):
        term = term * (n - i) // (i + 1)
        total += term
    return min(1.0, 2 * total / (1 << n))


def _by_cluster(
    differences: Sequence[float], clusters: Sequence[Hashable]
) -> tuple[list[float], list[int]]:
    """Return the sum of each cluster's differences and how many they are."""
    grouped: dict[Hashable, list[float]] = defaultdict(list)
    for difference, cluster in zip(differences, clusters, strict=True):
        grouped[cluster].append(difference)
    return [math.fsum(ones) for ones in grouped.values()], [len(o) for o in grouped.values()]


def _bootstrap(sums: Sequence[float], sizes: Sequence[int], seed: int) -> tuple[Interval, float]:
    """Draw clusters with replacement for the interval, and signs for p.

    Were the runs alike, the differences of a cluster could as well all have the other sign: p is
    the share of such draws whose mean is as far from 0. It holds for a few, where the interval is
    narrow.
    """
    import numpy as np

    values, weights = np.array(sums), np.array(sizes)
    count, n, rng = len(values), int(weights.sum()), np.random.default_rng(seed)
    drawn = (rng.integers(count, size=(rows, count)) for rows in _pieces(count))
    means = np.concatenate([values[one].sum(1) / weights[one].sum(1) for one in drawn])
    signs = (rng.choice((-1.0, 1.0), size=(rows, count)) for rows in _pieces(count))
    flipped = np.concatenate([(values * one).sum(1) for one in signs])
    low, high = np.percentile(means, [2.5, 97.5])
    is_as_far = abs(flipped) >= abs(values.sum()) - ROUNDING * n
    p = (int(is_as_far.sum()) + 1) / (DRAWS + 1)
    return Interval(math.fsum(sums) / n, float(low), float(high), n), p


def _pieces(count: int) -> Iterator[int]:
    """Yield how many of the DRAWS to make at once, so that they take a few megabytes."""
    most = max(1, AT_ONCE // count)
    for start in range(0, DRAWS, most):
        yield min(most, DRAWS - start)
