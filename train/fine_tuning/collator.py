"""Collator: rows of the built data as tensors, with the kind of every token."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Collator:
    """TRL's collator and one column more: `kinds`, (rows, length) like input_ids, padded with 0."""

    inner: Callable[[list[dict[str, Any]]], dict[str, Any]]

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        import torch

        batch = self.inner([{k: v for k, v in row.items() if k != "kinds"} for row in rows])
        kinds = torch.zeros_like(batch["input_ids"])
        if "position_ids" in batch:  # one row of samples end to end
            flat = torch.cat([torch.as_tensor(row["kinds"]) for row in rows])
            kinds[0, : len(flat)] = flat
        else:
            for at, row in enumerate(rows):
                kinds[at, : len(row["kinds"])] = torch.as_tensor(row["kinds"])
        for name in ("input_ids", "labels"):
            batch[name] = batch[name].long()
        return {**batch, "kinds": kinds.long()}
