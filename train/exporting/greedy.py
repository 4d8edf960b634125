"""Greedy replies of a model in memory, and how sure it was of each token."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Written:
    """The likeliest tokens after a prompt; leads: by how many logits each leads over the second."""

    prompt: tuple[int, ...]
    ids: tuple[int, ...]
    leads: tuple[float, ...]

    @property
    def least_lead(self) -> float:
        """The lead of the token that came nearest to being another one."""
        return min(self.leads, default=float("inf"))

    def cut(self, least_lead: float) -> Written:
        """Return the beginning whose tokens all lead by that much."""
        unsure = [at for at, lead in enumerate(self.leads) if lead < least_lead]
        end = unsure[0] if unsure else len(self.ids)
        return Written(self.prompt, self.ids[:end], self.leads[:end])


@torch.inference_mode()
def write_greedily(
    model: Any, prompt: Sequence[int], max_tokens: int, stops: Collection[int]
) -> Written:
    """Return the likeliest reply, the stop token included where it was reached."""
    was_training = model.training
    model.eval()
    ids, past = torch.tensor([list(prompt)], device=model.device), None
    written: list[int] = []
    leads: list[float] = []
    while len(written) < max_tokens and not (written and written[-1] in stops):
        out = model(input_ids=ids, past_key_values=past, use_cache=True, logits_to_keep=1)
        past = out.past_key_values
        best = out.logits[0, -1].topk(2)
        leads.append(float(best.values[0] - best.values[1]))
        written.append(int(best.indices[0]))
        ids = torch.tensor([written[-1:]], device=model.device)
    model.train(was_training)
    return Written(tuple(prompt), tuple(written), tuple(leads))


@torch.inference_mode()
def read_reply(model: Any, written: Written) -> tuple[Tensor, Tensor]:
    """Return, at each token of a reply, its log probability and the id the model would take.

    (length,) float32 and (length,) int64; the reply is read at once, not written again.
    """
    length = len(written.ids)
    ids = torch.tensor([[*written.prompt, *written.ids]], device=model.device)
    logits = model(input_ids=ids, use_cache=False, logits_to_keep=length + 1).logits[0, :-1].float()
    chosen = logits.gather(1, ids[0, -length:, None])[:, 0]
    return (chosen - logits.logsumexp(-1)).cpu(), logits.argmax(-1).cpu()
