"""What a comparison of n questions can show, and what several comparisons leave of a p value.

S. Holm, "A simple sequentially rejective multiple test procedure" (1979).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from estimates.proportions import Z

Z_POWER = 0.8416212335729143  # the normal quantile of 0.8


def smallest_difference(n: int, discordance: float | None = None) -> float:
    """Return the least true difference that n questions show with 80 % power at alpha 0.05.

    discordance: the share of questions on which the two differ (or, of scores that are not 0 or 1,
        the mean square of the differences), of a paired comparison: (z_0.975 + z_0.8)
        sqrt(discordance / n). None: two separate sets of n questions, in the worst case, both
        near a half: (z_0.975 + z_0.8) sqrt(1 / (2 n)). Both are normal approximations. More than 1
        means that n questions show no difference at all.
    """
    if n == 0:
        return math.inf
    variance = 0.5 if discordance is None else discordance
    return (Z + Z_POWER) * math.sqrt(variance / n)


def smallest_change(n: int, differing: int) -> float:
    """Return the same for answers that are right or wrong, of which so many differ.

    A difference is never more than the share of questions that differ: where fewer do than it
    takes (eight: all of them in one direction), more would have to.
    """
    needed = (Z + Z_POWER) ** 2
    return smallest_difference(n, max(differing, needed) / n if n else None)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p values adjusted for being several, in their order."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [0.0] * len(p_values)
    least = 0.0
    for rank, index in enumerate(order):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = least
    return adjusted
