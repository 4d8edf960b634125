"""Columns: the lengths and the token counts of built data, read from Arrow without Python lists."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from train.building.dataset import KINDS, MASKED

Counts = npt.NDArray[np.int64]


def lengths(dataset: Any) -> Counts:
    """Return the tokens of every row, (rows,)."""
    import pyarrow.compute as pc

    column = pc.list_value_length(dataset.data.column("input_ids"))
    return np.asarray(column.to_numpy(), dtype=np.int64)


def count_kinds(dataset: Any) -> tuple[Counts, Counts]:
    """Return (len(KINDS),) tokens of each kind, and those of them with a loss."""
    kinds, labels = (_flat(dataset, name) for name in ("kinds", "labels"))
    of_all = np.bincount(kinds, minlength=len(KINDS))
    return of_all, np.bincount(kinds[labels != MASKED], minlength=len(KINDS))


def _flat(dataset: Any, name: str) -> npt.NDArray[Any]:
    column: npt.NDArray[Any] = dataset.data.column(name).combine_chunks().flatten().to_numpy()
    return column
