"""Student: the model that scores, with its tokenizer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from train.errors import TrainError
from train.scoring.encoding import Encoder, Row
from train.scoring.settings import Score
from train.scoring.target import Likelihood

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Student:
    """A causal language model ready to score; one per process.

    is_plain: its logits are its head applied to its last hidden states, so that they need not be
    computed where no target stands
    """

    settings: Score
    encoder: Encoder
    model: Any
    is_plain: bool

    def score(self, batch: Sequence[Row]) -> list[Likelihood]:
        """Return the likelihoods of rows that have ids; a row that has no finite one is failed.

        Where memory is short the halves are scored; TrainError where it is for a single row.
        """
        import torch

        nll = self._nll_in_memory(batch)
        if nll is None:
            torch.cuda.empty_cache()
            if len(batch) == 1:
                raise TrainError(
                    f"{self.model.device} has no memory for a sequence of {len(batch[0].ids):,} "
                    "tokens: make score.chunk less, or take score.device=cpu; what is scored is "
                    "kept, and the same command goes on"
                )
            middle = len(batch) // 2
            return [*self.score(batch[:middle]), *self.score(batch[middle:])]
        sizes = [row.num_targets for row in batch]
        pieces = torch.split(nll.double().cpu(), sizes)
        return [
            _likelihood(row, float(piece.sum())) for row, piece in zip(batch, pieces, strict=True)
        ]

    def _nll_in_memory(self, batch: Sequence[Row]) -> torch.Tensor | None:
        """Return what `_target_nll` does, or None, with nothing left of it, where memory is short.

        The error is not to be seen outside: its trace holds the tensors that were in the way.
        """
        import torch

        try:
            with torch.inference_mode():
                return self._target_nll(batch)
        except torch.OutOfMemoryError:
            return None

    def _target_nll(self, batch: Sequence[Row]) -> torch.Tensor:
        """Return the nats of all targets of the batch, row by row, (targets,) float32.

        Padding stands at the right, where causal attention never looks: no mask is needed.
        """
        import torch

        from train.scoring.losses import logits_nll, target_nll

        width, device = max(len(row.ids) for row in batch), self.model.device
        ids = torch.zeros((len(batch), width), dtype=torch.long)
        is_target = torch.zeros((len(batch), width), dtype=torch.bool)
        for at, row in enumerate(batch):
            ids[at, : len(row.ids)] = torch.tensor(row.ids)
            is_target[at, row.first : len(row.ids)] = True
        wanted = ids[is_target].to(device)
        is_before = is_target.roll(-1, dims=1).to(device)  # the position that predicts a target
        ids = ids.to(device)
        if self.is_plain:
            hidden = self.model.base_model(input_ids=ids, use_cache=False).last_hidden_state
            head = self.model.get_output_embeddings()
            return target_nll(
                hidden[is_before], head.weight, head.bias, wanted, self.settings.chunk
            )
        logits = self.model(input_ids=ids, use_cache=False).logits
        return logits_nll(logits[is_before], wanted, self.settings.chunk)


def _likelihood(row: Row, sum_nll: float) -> Likelihood:
    if not math.isfinite(sum_nll):
        return Likelihood(0, 0.0, "failed")
    return Likelihood(row.num_targets, sum_nll, "ok")
