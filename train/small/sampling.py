"""Replies of a model in memory, in batches, sampled or greedy."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


@torch.no_grad()
def sample(
    model: Any,
    prompts: Sequence[Sequence[int]],
    *,
    eos: int,
    pad: int,
    max_tokens: int,
    temperature: float = 0.0,
    seed: int = 0,
    batch_size: int = 100,
) -> list[list[int]]:
    """Return the reply ids of every prompt, the end token included where it was reached.

    Prompts are padded left; temperature 0 takes the likeliest token.
    """
    replies: list[list[int]] = [[] for _ in prompts]
    order = sorted(range(len(prompts)), key=lambda at: len(prompts[at]))
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        ids = _rows(model, [prompts[r] for r in rows], eos, pad, max_tokens, temperature, generator)
        for row, reply in zip(rows, ids.tolist(), strict=True):
            replies[row] = reply[: reply.index(eos) + 1] if eos in reply else reply
    model.train(was_training)
    return replies


def _rows(
    model: Any,
    prompts: list[Sequence[int]],
    eos: int,
    pad: int,
    max_tokens: int,
    temperature: float,
    generator: torch.Generator,
) -> Tensor:
    length = max(map(len, prompts))
    ids = torch.tensor([[pad] * (length - len(p)) + list(p) for p in prompts])
    mask = torch.tensor([[0] * (length - len(p)) + [1] * len(p) for p in prompts])
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    live = torch.arange(len(prompts))
    done = torch.zeros(len(prompts), dtype=torch.bool)
    written = torch.full((len(prompts), max_tokens), eos)
    past = None
    for at in range(max_tokens):
        out = model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=past,
            use_cache=True,
            logits_to_keep=1,
        )
        past = out.past_key_values
        chosen = _choose(out.logits[:, -1], temperature, generator).masked_fill(done, eos)
        written[live, at] = chosen
        done = chosen == eos
        keep = (~done).nonzero()[:, 0]
        if not len(keep):
            break
        if len(keep) < 0.7 * len(chosen):  # finished rows cost as much as live ones: drop them
            past.batch_select_indices(keep)
            live, mask, positions = live[keep], mask[keep], positions[keep]
            chosen, done = chosen[keep], done[keep]
        ids = chosen[:, None]
        mask = torch.cat([mask, torch.ones_like(ids)], 1)
        positions = positions[:, -1:] + 1
    return written


def _choose(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    if temperature <= 0:
        return logits.argmax(-1)
    shares = torch.softmax(logits / temperature, -1)
    return torch.multinomial(shares, 1, generator=generator)[:, 0]


def load_model(folder: str | os.PathLike[str]) -> Any:
    """Return the model of a bundle in fp32, as transformers reads it."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
