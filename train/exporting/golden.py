"""Golden replies: what a model writes greedily where no second token comes close.

The server has its engine write them before it serves: weights, tokenizer or precision that are not
those of the bundle show there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from decoding.bundle import GoldenReply
from train.exporting.greedy import Written, write_greedily


def surest(
    model: Any,
    prompts: Iterable[Sequence[int]],
    num_replies: int,
    max_tokens: int,
    stops: Collection[int],
    least_lead: float = 0.0,
) -> list[GoldenReply]:
    """Return the surest greedy replies to some of the prompts, so that rounding cannot turn them.

    Each ends before the first token that leads by fewer than `least_lead` logits; one that would
    be empty is none. Whole replies come first, then the longest beginnings.
    """

    def rank(written: Written) -> tuple[bool, int, float]:
        is_cut = len(written.ids) < max_tokens and written.ids[-1] not in stops
        return is_cut, -len(written.ids) if is_cut else 0, -written.least_lead

    found = [write_greedily(model, each, max_tokens, stops).cut(least_lead) for each in prompts]
    ranked = sorted((written for written in found if written.ids), key=rank)
    return [GoldenReply(written.prompt, written.ids) for written in ranked[:num_replies]]
