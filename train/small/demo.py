"""The demo model from nothing: tokenizer, training, evaluation, bundle."""

from __future__ import annotations

import logging
from pathlib import Path

import torch

from train.small.evaluation import quick_check
from train.small.finish import finish
from train.small.recipe import Recipe
from train.small.tokenizer import train_tokenizer
from train.small.tuning import Tuning

logger = logging.getLogger(__name__)


def make_demo(
    recipe: Recipe,
    folder: Path,
    out: Path | None,
    *,
    resume: bool,
    baseline: Path | None,
    command: str,
) -> None:
    """Train in `folder`, measure, and write the bundle to `out`; every stage can be resumed."""
    torch.set_num_threads(1)
    tokenizer = train_tokenizer(
        recipe.corpus,
        recipe.seed,
        recipe.vocab_size,
        recipe.num_tokenizer_examples,
        recipe.max_length,
    )
    tuning = Tuning(recipe, tokenizer, folder)
    if resume and not tuning.resume():
        logger.warning("nothing to resume in %s: starting anew", folder)
    if not resume and tuning.path.exists():
        logger.warning("starting anew: %s will be replaced; --resume goes on from it", tuning.path)
    num_params = sum(p.numel() for p in tuning.model.parameters())
    logger.info("%d parameters, %d tokens to learn", num_params, recipe.num_tokens)

    def check(model: object) -> dict[str, object]:
        return quick_check(model, tokenizer, recipe.num_check_problems, recipe.temperature)

    tuning.fit(check)
    finish(tuning, folder, out, baseline, command)
