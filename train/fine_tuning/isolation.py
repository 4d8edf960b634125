"""Isolation: whether samples that share a row see nothing of one another in a given model."""

from __future__ import annotations

from typing import Any

from train.errors import TrainError

MOST = 0.02  # of the spread of the logits: what rounding does; a leak is many times as much


def measure_leak(model: Any) -> float:
    """Return how far a sample's logits move when another stands before it in its row.

    In units of the logits' standard deviation; the call is the one that training makes: positions
    that start anew, no mask, no cache.
    """
    import torch

    vocab = model.get_input_embeddings().weight.shape[0]
    device = model.get_input_embeddings().weight.device
    drawn = torch.randint(vocab, (1, 12), generator=torch.Generator().manual_seed(0)).to(device)
    positions = torch.tensor([[*range(5), *range(7)]], device=device)
    was_training = model.training
    model.eval()
    with torch.no_grad():
        packed = model(input_ids=drawn, position_ids=positions, use_cache=False).logits[0, 5:]
        alone = model(input_ids=drawn[:, 5:], use_cache=False).logits[0]
    model.train(was_training)
    return float((packed.float() - alone.float()).abs().max() / alone.float().std())


def check_isolation(model: Any) -> None:
    """Raise TrainError where packed samples would see one another.

    A flash attention kernel is told the bounds of the samples and needs no check, nor can it run
    before the model stands on its GPU; where FSDP loads, only the first process has weights to ask.
    """
    is_flash = "flash" in str(model.config._attn_implementation)  # noqa: SLF001  no public name
    if is_flash or model.get_input_embeddings().weight.device.type == "meta":
        return
    leak = measure_leak(model)
    if leak > MOST:
        raise TrainError(
            f"sft.packing = 'bfd': samples in a row of {type(model).__name__} see one another "
            f"(logits move by {leak:.2f} of their spread): use sft.packing = 'off'"
        )
