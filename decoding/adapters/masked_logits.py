"""Masks applied to logits: by the shorter of a mask's two lists, with no row left empty.

NumPy writes -inf at a list of places about twice as fast as torch, and a row at a time stays in
the cache; torch's masked_fill_ would be ten times slower (benchmarks/masks.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from weakref import WeakKeyDictionary

import numpy as np
import torch

from decoding.adapters.admission import HUGE
from decoding.masks import Mask


class MaskedLogits:
    """Applies masks to the logits of one engine; keeps the lists that a device has been sent."""

    def __init__(self) -> None:
        """Start with nothing on any device."""
        self._token_ids: WeakKeyDictionary[Mask, torch.Tensor] = WeakKeyDictionary()

    def apply(self, logits: torch.Tensor, masks: Mapping[int, Mask]) -> None:
        """Set what the mask of each given row forbids to -inf; (rows, vocab), changed in place.

        A given row left without a finite legal logit gets 0 at a token on the shortest way out.
        """
        rows_of: dict[Mask, list[int]] = {}
        for row, mask in masks.items():
            rows_of.setdefault(mask, []).append(row)
        is_numpys = logits.is_cpu and logits.dtype is not torch.bfloat16
        for mask, rows in rows_of.items():
            if is_numpys:
                forbid(logits, rows, mask)
            else:
                self._forbid(logits, rows, mask)
        _revive(logits, masks)

    def _forbid(self, logits: torch.Tensor, rows: list[int], mask: Mask) -> None:
        token_ids = self._token_ids.get(mask)
        if token_ids is None or token_ids.device != logits.device:
            token_ids = torch.from_numpy(mask.token_ids).to(logits.device)
            self._token_ids[mask] = token_ids
        at = torch.tensor(rows, device=logits.device)
        if mask.is_keep:
            kept = logits[at[:, None], token_ids]
            logits.index_fill_(0, at, -torch.inf)
            logits[at[:, None], token_ids] = kept
        else:
            logits[at[:, None], token_ids] = -torch.inf


def forbid(logits: torch.Tensor, rows: Sequence[int], mask: Mask) -> None:
    """Set what the mask forbids to -inf in these rows.

    logits: (rows, vocab) float16, float32 or float64 on the CPU, changed in place
    """
    values = logits.detach().numpy()
    token_ids = mask.token_ids
    if mask.is_keep:
        for row in rows:
            kept = values[row, token_ids]
            values[row].fill(-np.inf)
            values[row, token_ids] = kept
    elif len(rows) == len(values):
        values[:, token_ids] = -np.inf
    else:
        for row in rows:
            values[row][token_ids] = -np.inf


def _revive(logits: torch.Tensor, masks: Mapping[int, Mask]) -> None:
    highest = logits.amax(dim=1).float().cpu().numpy()  # NaN where a row has one
    for row in np.flatnonzero(~np.isfinite(highest)).tolist():
        if row in masks:
            torch.nan_to_num_(logits[row], nan=-torch.inf, posinf=HUGE, neginf=-torch.inf)
            if bool(torch.isneginf(logits[row].amax())):
                logits[row, masks[row].shortest] = 0.0
