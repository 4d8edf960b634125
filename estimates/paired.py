"""Two runs on the same questions: the difference with its paired error, and an exact test.

Q. McNemar, "Note on the sampling error of the difference between correlated proportions" (1947),
in its exact form: of the b + c questions on which the two differ, b are binomial with a half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from estimates.clusters import DRAWS
from estimates.means import is_binary, mean, normal
from estimates.power import smallest_change, smallest_difference
from estimates.proportions import Interval

ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Paired:
    """A first run and a second on the same n questions.

    first, second: their mean scores; difference: second minus first
    b: questions that only the first has right; c: only the second. Of scores that are not 0 or 1:
        on which it is the better
    method: "mcnemar" (normal paired interval, exact p) or "bootstrap" (interval of questions drawn
        with replacement, p of signs drawn)
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


def pair(first: Sequence[float], second: Sequence[float], seed: int = 0) -> Paired:
    """Compare the scores of two runs, question by question.

    Means of several answers to a question are scores that are not 0 or 1.
    """
    if len(first) != len(second):
        raise ValueError(f"paired scores: {len(first)} and {len(second)}")
    differences = [after - before for before, after in zip(first, second, strict=True)]
    b, c = sum(d < 0 for d in differences), sum(d > 0 for d in differences)
    if is_binary(first) and is_binary(second):
        method, interval, p = "mcnemar", normal(differences), mcnemar(b, c)
        smallest = smallest_change(len(differences), b + c)
    else:
        method, (interval, p) = "bootstrap", _bootstrap(differences, seed)
        smallest = smallest_difference(len(differences), mean([d * d for d in differences]))
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


def _bootstrap(differences: Sequence[float], seed: int) -> tuple[Interval, float]:
    """Draw questions with replacement for the interval, and signs for p.

    Were the runs alike, each difference could as well have the other sign: p is the share of such
    draws whose mean is as far from 0. It holds for a few questions, where the interval is narrow.
    """
    import numpy as np

    values = np.array(differences)
    n, middle, rng = len(values), abs(values.mean()), np.random.default_rng(seed)
    means = np.array([values[rng.integers(n, size=n)].mean() for _ in range(DRAWS)])
    low, high = np.percentile(means, [2.5, 97.5])
    flipped = np.array([(values * rng.choice((-1.0, 1.0), size=n)).mean() for _ in range(DRAWS)])
    as_far = int((abs(flipped) >= middle - ROUNDING).sum())
    p = (as_far + 1) / (DRAWS + 1)
    return Interval(mean(differences), float(low), float(high), n), p
