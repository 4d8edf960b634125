"""A recipe small enough for tests, and a run of it that a test can kill."""

import sys
from functools import cache
from pathlib import Path
from typing import Any

import torch

from train.small.mixture import Mixture
from train.small.recipe import Recipe
from train.small.tokenizer import train_tokenizer
from train.small.tuning import Tuning

TINY = Recipe(
    mixture=Mixture(words_share=0.5, words_mistakes_from=0.3),
    num_tokens=60_000,
    batch_tokens=1024,
    vocab_size=400,
    num_tokenizer_examples=100,
    num_layers=1,
    width=16,
    num_heads=2,
    inner_width=32,
    num_warmup_steps=5,
    num_checks=1,
    num_check_problems=2,
    num_problems=3,
)


@cache
def tiny_tokenizer() -> Any:
    return train_tokenizer(
        TINY.corpus, TINY.seed, TINY.vocab_size, TINY.num_tokenizer_examples, TINY.max_length
    )


def tiny_tuning(folder: Path) -> Tuning:
    torch.set_num_threads(1)
    return Tuning(TINY, tiny_tokenizer(), folder)


if __name__ == "__main__":
    tiny_tuning(Path(sys.argv[1])).fit(lambda _: {}, save_every_s=0)
