"""Vocabulary: tokens that a model does not know yet, and the rows they start from.

A new tag's embedding starts as the mean of its former pieces' (`<`, `think`, `ing`, `>`), input and
output alike, so that it has a meaning from the first step; rows that only fill up the matrix are
the mean of all rows, whose logit never stands out.
"""

from __future__ import annotations

from typing import Any

MULTIPLE = 64  # of rows: what matrix kernels and tensor parallelism like


def new_tokens(tokenizer: Any, former: Any) -> dict[str, int]:
    """Return the tokens that `former` does not have, with their ids, in the order of these."""
    known = former.get_vocab()
    added = {token: id for token, id in tokenizer.get_vocab().items() if token not in known}
    return dict(sorted(added.items(), key=lambda item: item[1]))


def teach_tokens(model: Any, tokenizer: Any, former: Any) -> list[int]:
    """Give the model rows for the tokens that `former`, its own tokenizer, lacks; return their ids.

    The matrices grow, to a multiple of MULTIPLE, only where they are too small.
    """
    import torch

    added = new_tokens(tokenizer, former)
    num_rows = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > num_rows:
        model.resize_token_embeddings(
            len(tokenizer), pad_to_multiple_of=MULTIPLE, mean_resizing=False
        )
    pieces = {
        id: former(token, add_special_tokens=False)["input_ids"] for token, id in added.items()
    }
    with torch.no_grad():
        for matrix in _matrices(model):
            means = {id: matrix[ids].float().mean(0) for id, ids in pieces.items() if ids}
            matrix[num_rows:] = matrix[:num_rows].float().mean(0).to(matrix.dtype)
            for id, mean in means.items():
                matrix[id] = mean.to(matrix.dtype)
    return list(added.values())


def has_tied_head(model: Any) -> bool:
    """Whether the matrix that reads tokens is the one that writes them."""
    return len(_matrices(model)) == 1


def _matrices(model: Any) -> list[Any]:
    """Return the input and the output embedding, (rows, width), one where they are tied."""
    reads, writes = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    return [reads] if reads is writes else [reads, writes]
