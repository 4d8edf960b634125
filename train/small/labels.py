"""Labels: an example as token ids, and how much each of them counts in the loss.

Weights are 1 or 0: see `train.labels`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from problems.problem import Problem
from train.labels import learned_tokens, mark_learned
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


def _weights(example: Example[Problem], head: int, offsets: np.ndarray) -> np.ndarray:
    """Return the weights of tokens at `offsets` (n, 2), the first `head` characters prompt."""
    learned = mark_learned(head, example.segments, offsets[-1, 1])
    return learned_tokens(learned, offsets).astype(np.float32)
