"""The distribution of scores, as a few lines of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from train.scoring.scored import Scored

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
NAMES = ("least", "5 %", "25 %", "median", "75 %", "95 %", "most")
BARS = " ▁▂▃▄▅▆▇█"
EDGES = np.linspace(0, 1.25, 26)  # a bin is 0.05; what is beyond stands in the last


def describe(scored: Sequence[Scored]) -> str:
    """Return counts by status, and quantiles and a histogram of both ratios."""
    counts = Counter(one.status for one in scored)
    told = ", ".join(f"{number:,} {status}" for status, number in counts.most_common())
    lines = [f"{len(scored):,} samples: {told or 'none'}"]
    lines.append(f"{'':6}{''.join(f'{name:>9}' for name in (*NAMES, '>= 1'))}  0 to 1.25")
    for name, values in (
        ("IFD", [one.ifd for one in scored if one.ifd is not None]),
        ("r-IFD", [one.rifd for one in scored if one.rifd is not None]),
    ):
        lines.append(f"{name:6}{_row(np.array(values))}" if values else f"{name:6}no scores")
    return "\n".join(lines)


def _row(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str:
    quantiles = "".join(f"{value:9.3f}" for value in np.quantile(values, QUANTILES))
    counts, _ = np.histogram(values.clip(0, EDGES[-1]), EDGES)
    heights = np.ceil(counts / counts.max() * (len(BARS) - 1)).astype(int)
    bars = "".join(BARS[height] for height in heights)
    return f"{quantiles}{np.mean(values >= 1):9.1%}  |{bars}|"
