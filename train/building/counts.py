"""Counts: what there is to say of built data, gathered row by row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from train.building.dataset import KINDS, MASKED, Row
from train.segments import Kind

PERCENTILES = (25, 50, 90, 95, 99, 100)
OUTPUT, REFLECTION = KINDS.index(Kind.OUTPUT), KINDS.index(Kind.REFLECTION)


@dataclass(slots=True)
class Counts:
    """Tokens by kind, learned and in all, and the lengths of replies; one per build.

    The lengths are of first copies only, so that they are those of the replies a model is taught.
    """

    num_rows: Counter[str] = field(default_factory=Counter)
    num_second_copies: int = 0
    num_straddling: int = 0
    tokens: Counter[int] = field(default_factory=Counter)
    learned: Counter[int] = field(default_factory=Counter)
    lengths: dict[str, list[int]] = field(
        default_factory=lambda: {name: [] for name in ("all", "thinking", "output", "reflections")}
    )

    def add(self, split: str, row: Row, num_straddling: int) -> None:
        """Count a row."""
        self.num_rows[split] += 1
        self.num_second_copies += row.copy
        self.num_straddling += num_straddling
        is_learned = row.labels != MASKED
        for counter, kinds in ((self.tokens, row.kinds), (self.learned, row.kinds[is_learned])):
            counter.update(dict(enumerate(np.bincount(kinds, minlength=len(KINDS)).tolist())))
        if not row.copy:
            self._measure(row.kinds)

    def _measure(self, kinds: np.ndarray) -> None:
        """Note the tokens of a reply's halves, tags included, and how often it reflects."""
        is_reflection = kinds == REFLECTION
        lengths = {
            "all": len(kinds),
            "thinking": int(((kinds > 0) & (kinds != OUTPUT)).sum()),
            "output": int((kinds == OUTPUT).sum()),
            "reflections": int((is_reflection[1:] & ~is_reflection[:-1]).sum()),
        }
        for name, length in lengths.items():
            self.lengths[name].append(length)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        num_tokens, num_learned = self.tokens.total(), self.learned.total()
        return {
            "rows": {"train": self.num_rows["train"], "holdout": self.num_rows["holdout"]},
            "second_copies": self.num_second_copies,
            "tokens": num_tokens,
            "loss_tokens": num_learned,
            "loss_share": round(num_learned / num_tokens, 6) if num_tokens else None,
            "straddling_tokens": self.num_straddling,
            "by_kind": {
                name: {"tokens": self.tokens[code], "loss_tokens": self.learned[code]}
                for code, name in enumerate(KINDS)
            },
            "lengths": {name: _percentiles(values) for name, values in self.lengths.items()},
        }


def _percentiles(values: Sequence[int]) -> dict[str, int]:
    """Return values that occur, none in between: a budget of p99 holds 99 of 100 replies."""
    if not values:
        return {}
    found = np.percentile(values, PERCENTILES, method="inverted_cdf")
    return {f"p{percent}": int(value) for percent, value in zip(PERCENTILES, found, strict=True)}
