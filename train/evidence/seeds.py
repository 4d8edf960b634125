"""Seeds: what a few trainings with other seeds say of all that there could be, by Student's t."""

from __future__ import annotations

from collections.abc import Sequence

from estimates.means import mean, standard_error
from estimates.proportions import Interval

ROUNDING = 1e-9


def over_seeds(values: Sequence[float]) -> Interval | None:
    """Return the mean with its 95 % interval; None of one value."""
    if len(values) < 2:
        return None
    from scipy.stats import t

    reach = float(t.ppf(0.975, len(values) - 1)) * standard_error(values)
    return Interval(mean(values), mean(values) - reach, mean(values) + reach, len(values))


def p_over_seeds(differences: Sequence[float]) -> float | None:
    """Return the two-sided p of a paired t test; None where seeds do not differ or are too few."""
    if len(differences) < 2 or max(differences) - min(differences) < ROUNDING:
        return None
    from scipy.stats import ttest_1samp

    return float(ttest_1samp(differences, 0.0).pvalue)
