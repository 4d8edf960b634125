"""Negative log likelihoods at the targets alone, in pieces that stay in the processor's cache.

No logits exist where no target stands, and of a vocabulary's 128,256 logits at most a block at a
time: their maximum and their sum of exponentials are carried from block to block.
"""

from __future__ import annotations

import torch

BLOCK_BYTES = 8 << 20  # of logits on a CPU; a GPU takes a chunk's whole vocabulary


def target_nll(
    hidden: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    targets: torch.Tensor,
    chunk: int,
) -> torch.Tensor:
    """Return the nats of each target, (targets,) float32.

    hidden: (targets, width), what predicts each; weight: the head's, (vocab, width); bias: (vocab,)
    """
    nll = torch.empty(len(targets), dtype=torch.float32, device=hidden.device)
    for start in range(0, len(targets), chunk):
        part = slice(start, start + chunk)
        nll[part] = _chunk_nll(hidden[part], weight, bias, targets[part])
    return nll


def logits_nll(logits: torch.Tensor, targets: torch.Tensor, chunk: int) -> torch.Tensor:
    """Return the nats of each target, (targets,) float32; logits: (targets, vocab)."""
    parts = [slice(start, start + chunk) for start in range(0, len(targets), chunk)]
    pieces = [
        torch.nn.functional.cross_entropy(logits[part].float(), targets[part], reduction="none")
        for part in parts
    ]
    return torch.cat(pieces)


def _chunk_nll(
    hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, targets: torch.Tensor
) -> torch.Tensor:
    """Return the nats of a chunk, (targets,) float32: the logarithm of the sum less the chosen.

    Both come from the same logits, rounded as the model rounds them.
    """
    vocab = len(weight)
    block = max(256, BLOCK_BYTES // (4 * len(hidden))) if hidden.device.type == "cpu" else vocab
    total = torch.full((len(hidden),), -torch.inf, device=hidden.device)
    chosen = torch.zeros_like(total)
    for start in range(0, vocab, block):
        logits = (hidden @ weight[start : start + block].T).float()
        if bias is not None:
            logits += bias[start : start + block].float()
        total = torch.logaddexp(total, torch.logsumexp(logits, dim=-1))
        at = targets - start
        is_here = (at >= 0) & (at < logits.shape[1])
        found = logits.gather(1, at.clamp(0, logits.shape[1] - 1)[:, None])[:, 0]
        chosen = torch.where(is_here, found, chosen)
    return total - chosen
