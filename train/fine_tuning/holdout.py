"""Holdout: held-out rows in whole batches, so that no process measures one twice.

Where the last batch lacks rows accelerate repeats some for the processes that have none left.
"""

from __future__ import annotations

from typing import Any

from train.building.dataset import MASKED


def fill_up(rows: Any, batch: int) -> Any:
    """Return the dataset with copies of its first row, in which no token counts, at the end."""
    from datasets import Dataset, concatenate_datasets

    if not (short := -len(rows) % batch):
        return rows
    first = rows[0]
    filler = {**first, "labels": [MASKED] * len(first["labels"])}
    return concatenate_datasets([rows, Dataset.from_list([filler] * short, rows.features)])
