"""Export: a trained model as a bundle that the server loads.

Budgets and efforts are percentiles of the replies it was taught with; the golden replies are what
it writes greedily on its own, chosen where no second token comes close.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from decoding.bundle import Bundle, GoldenReply
from decoding.format import ReplyFormat
from files.whole import sync
from problems.families import FAMILIES, draw
from problems.split import Split
from train.exporting.golden import surest
from train.exporting.lengths import Lengths
from train.small.recipe import Recipe
from train.small.tokenizer import prompt_ids

NAME = "demo"
FILES = (
    "chat_template.jinja",
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "reflection.json",
    "tokenizer.json",
    "tokenizer_config.json",
)
NUM_GOLDEN = 4
NUM_GOLDEN_CANDIDATES = 24
GOLDEN_TOKENS = 32
GOLDEN_SEED = 31_337
NUM_REPLIES_MEASURED = 2000


def export_bundle(model: Any, tokenizer: Any, recipe: Recipe, folder: Path) -> Bundle:
    """Write FILES (weights in fp32) into `folder`; what else is in it stays as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    lengths = measure_lengths(tokenizer, recipe, NUM_REPLIES_MEASURED)
    bundle = Bundle(
        folder=folder,
        name=NAME,
        stop_token_ids=(tokenizer.eos_token_id,),
        format=ReplyFormat(is_thinking_optional=True),
        budgets=lengths.budgets,
        efforts=lengths.efforts,
        golden_replies=tuple(write_golden_replies(model, tokenizer)),
        temperature=recipe.temperature,
        top_p=1.0,
    )
    bundle.save()
    for name in FILES:
        (folder / name).chmod(0o644)
        sync(folder / name)
    return bundle


def measure_lengths(tokenizer: Any, recipe: Recipe, n: int) -> Lengths:
    """Count the tokens of n replies as they are taught at the end of the training."""
    replies = [recipe.mixture.example(recipe.seed, index, 1.0).reply for index in range(n)]
    halves = [reply.split("<output>") for reply in replies]

    def count(texts: list[str]) -> list[int]:
        return sorted(map(len, tokenizer(texts, add_special_tokens=False)["input_ids"]))

    return Lengths(
        thinking=count([thinking for thinking, _ in halves]),
        answers=count([answer for _, answer in halves]),
        num_reflections=max(reply.count("<reflection>") for reply in replies),
    )


def write_golden_replies(model: Any, tokenizer: Any) -> list[GoldenReply]:
    """Return the surest greedy beginnings of each family, so that rounding cannot turn them."""
    chosen: list[GoldenReply] = []
    for family in FAMILIES:
        problems = draw(family, Split.FRESH, NUM_GOLDEN_CANDIDATES, GOLDEN_SEED)
        prompts = [prompt_ids(tokenizer, problem.prompt) for problem in problems]
        chosen += surest(model, prompts, NUM_GOLDEN, GOLDEN_TOKENS, (tokenizer.eos_token_id,))
    return chosen
