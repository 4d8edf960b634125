"""Labels: an example as token ids, and how much each of them counts in the loss.

The whole conversation is rendered once and tokenized once; weights come from the character spans
of the segments through the tokenizer's offsets.  A token counts if each of its characters does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from problems.problem import Problem
from train.segments import Example
from train.small.tokenizer import prompt_text


@dataclass(frozen=True, slots=True)
class Labelled:
    """ids: (length,) int64; weights: (length,) float32, of the same tokens as targets."""

    ids: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


def label(tokenizer: Any, examples: Sequence[Example[Problem]]) -> list[Labelled]:
    """Tokenize the examples and weigh their tokens; no loss on prompts."""
    before, _, after = prompt_text(tokenizer, "@").partition("@")
    heads = [before + e.problem.prompt + after for e in examples]
    texts = [
        head + e.reply + str(tokenizer.eos_token) for head, e in zip(heads, examples, strict=True)
    ]
    encoded = tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True)
    return [
        Labelled(np.array(ids), _weights(example, len(head), np.array(offsets)))
        for example, head, ids, offsets in zip(
            examples, heads, encoded["input_ids"], encoded["offset_mapping"], strict=True
        )
    ]


def _weights(example: Example[Problem], length: int, offsets: np.ndarray) -> np.ndarray:
    """Return the weights of tokens at `offsets` (n, 2), the first `length` characters prompt."""
    counted = np.zeros(offsets[-1, 1] + 1, dtype=np.int64)
    at = length
    for segment in example.segments:
        counted[at : at + len(segment.text)] = segment.loss
        at += len(segment.text)
    counted[at:] = 1
    masked = np.concatenate([[0], np.cumsum(counted[:-1] == 0)])
    weights: np.ndarray = (masked[offsets[:, 1]] == masked[offsets[:, 0]]).astype(np.float32)
    return weights
