"""Scale: how the scores of a task are written: in per cent, or as a judge grades."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MINUS = "−"


@dataclass(frozen=True, slots=True)
class Scale:
    """What a score of 1 is written as, and the greatest score; constant."""

    factor: float
    best: float
    unit: str

    def number(self, value: float | None) -> str:
        """Write a score."""
        if value is None or not math.isfinite(value):
            return "–"
        return f"{self.factor * value:.2f}".replace("-", MINUS)

    def signed(self, value: float | None) -> str:
        """Write a difference of scores."""
        if value is None or not math.isfinite(value):
            return "–"
        return f"{self.factor * value:+.2f}".replace("-", MINUS)

    def bounds(self, figure: Mapping[str, Any], *, is_signed: bool = False) -> str:
        """Write the interval of a figure of a manifest; nothing where it has none."""
        low, high = figure.get("low"), figure.get("high")
        if low is None or high is None:
            return ""
        write = self.signed if is_signed else self.number
        return f"[{write(low)}, {write(high)}]"


PER_CENT = Scale(100.0, 1.0, "%")
JUDGED = {
    "pairwise": Scale(1.0, 2.0, "of 2; 1 is even"),
    "mt_bench": Scale(1.0, 10.0, "of 10"),
}


def scale_of(task: str) -> Scale:
    """Return the scale of a task: per cent but for grades."""
    return JUDGED.get(task, PER_CENT)


def p_value(p: float) -> str:
    """Write a p value with three digits that count."""
    return f"{p:.3g}"
