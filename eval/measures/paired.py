"""Two runs on the same questions: the difference with its paired error, and an exact test.

Q. McNemar, "Note on the sampling error of the difference between correlated proportions" (1947),
in its exact form: of the b + c questions on which the two differ, b are binomial with a half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from eval.measures.clusters import DRAWS
from eval.measures.means import is_binary, mean, normal
from eval.measures.power import smallest_difference
from eval.measures.proportions import Interval


@dataclass(frozen=True, slots=True)
class Paired:
    """A first run and a second on the same n questions.

    first, second: their mean scores; difference: second minus first
    b: questions that only the first has right; c: only the second. Of scores that are not 0 or 1:
        on which it is the better
    method: "mcnemar" (normal paired interval, exact p) or "bootstrap" (both from its draws)
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
    else:
        method, (interval, p) = "bootstrap", _bootstrap(differences, seed)
    return Paired(
        n=len(differences),
        first=mean(first),
        second=mean(second),
        b=b,
        c=c,
        difference=interval,
        p=p,
        smallest=smallest_difference(len(differences), mean([d * d for d in differences])),
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
    """Draw questions with replacement; p: twice the share of draws on the other side of 0."""
    import numpy as np

    values = np.array(differences)
    rng = np.random.default_rng(seed)
    means = np.array(
        [values[rng.integers(len(values), size=len(values))].mean() for _ in range(DRAWS)]
    )
    low, high = np.percentile(means, [2.5, 97.5])
    least = min(int((means <= 0).sum()), int((means >= 0).sum()))
    p = min(1.0, 2 * (least + 1) / (DRAWS + 1))
    return Interval(mean(differences), float(low), float(high), len(values)), p
