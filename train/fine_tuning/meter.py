"""Meter: what has been learned from since it was last read, per kind of segment."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import torch

from train.building.dataset import KINDS, MASKED


class Meter:
    """Sums over the forward passes of one process; `read` adds up those of all and starts anew.

    Nothing is copied from the device between two readings.
    """

    def __init__(self, device: torch.device) -> None:
        self._sums = torch.zeros(len(KINDS), dtype=torch.float64, device=device)
        self._counts = torch.zeros_like(self._sums)
        self._totals = torch.zeros(2, dtype=torch.float64, device=device)  # tokens, positions
        self._begun = time.monotonic()

    def observe(self, inputs: Mapping[str, Any], kinds: torch.Tensor, output: Any) -> None:
        """Add one pass: labels and kinds (rows, length), `output.log_probs` (rows, length - 1)."""
        of_targets, is_target = kinds[:, 1:], inputs["labels"][:, 1:] != MASKED
        losses = -output.log_probs.detach()[is_target].double()
        self._sums.index_add_(0, of_targets[is_target], losses)
        self._counts.index_add_(0, of_targets[is_target], torch.ones_like(losses))
        self._totals[1] += kinds.numel()
        mask = inputs.get("attention_mask")
        self._totals[0] += kinds.numel() if mask is None else mask.sum()

    def read(self, accelerator: Any) -> dict[str, float]:
        """Return the figures by name; to be called by all processes at once."""
        figures = torch.cat([self._sums, self._counts, self._totals])
        sums, counts, (tokens, positions) = torch.split(
            accelerator.reduce(figures, reduction="sum").cpu(), [len(KINDS), len(KINDS), 2]
        )
        seconds = time.monotonic() - self._begun
        self.__init__(self._sums.device)  # type: ignore[misc]
        losses = {
            f"loss/{name}": float(total / count)
            for name, total, count in zip(KINDS, sums, counts, strict=True)
            if count
        }
        if not tokens:
            return losses
        return losses | {
            "loss_share": float(counts.sum() / tokens),
            "padding_share": float(1 - tokens / positions),
            "tokens_per_s": float(tokens / seconds),
            "tokens": float(tokens),
            "mean_loss": float(sums.sum() / counts.sum().clamp(min=1)),
        }
