"""Thoughts that a budget cuts: how many end in mid-sentence, with and without soft ends.

    python -m benchmarks.soft_ends [--n 200] [--seed 1]

The demo model answers the same problems, sampled, under the same thinking budgets, once with
soft_tokens = 0 and once with the server's default, a quarter of the budget. A thought counts as
cut when the budget ended it; as mid-sentence when its text ends with neither a full stop, a
question or exclamation mark nor the end of a line. Prints shares with Wilson's 95 % interval.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer

from decoding.adapters.transformers import Enforcer
from decoding.budget import SOFT_SHARE, Budget
from decoding.format import Reply, ReplyFormat, Section
from decoding.masks import Masks
from decoding.matcher import Matcher
from problems.families import draw
from problems.problem import Problem
from problems.split import Split
from train.small.evaluation import SEED
from train.small.intervals import share
from train.small.sampling import load_model
from train.small.tokenizer import prompt_ids

FOLDER = Path(__file__).parent.parent / "models" / "demo"
THINKING = (24, 40, 64, 112)
ANSWER_ROOM = 48
BATCH = 100
SENTENCE_END = re.compile(r"(?:[.!?][\s\"')\]*]*|\n\s*)\Z")


def main(argv: list[str] | None = None) -> int:
    """Run the comparison and print one line a family of problems and budget."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=200, help="problems a line (default 200)")
    parser.add_argument("--seed", type=int, default=1, help="of the sampling (default 1)")
    arguments = parser.parse_args(argv)
    model, tokenizer = load_model(FOLDER), AutoTokenizer.from_pretrained(FOLDER)
    enforcer = Enforcer.load(FOLDER, Budget(256, 200))
    temperature = float(model.generation_config.temperature or 1.0)
    print(f"demo model, T = {temperature}, n = {arguments.n}, seed {arguments.seed}")
    for family in ("word problems", "countdown"):
        problems = draw(family, Split.FRESH, arguments.n, SEED)
        for thinking in THINKING:
            hard = Budget(thinking + ANSWER_ROOM, thinking)
            for budget in (hard, replace(hard, soft_tokens=thinking // SOFT_SHARE)):
                replies = _replies(model, tokenizer, enforcer, budget, problems, arguments.seed)
                print(f"{family:13} {_line(enforcer, budget, problems, replies, tokenizer)}")
    return 0


def _replies(
    model: Any,
    tokenizer: Any,
    enforcer: Enforcer,
    budget: Budget,
    problems: list[Problem],
    seed: int,
) -> list[list[int]]:
    """Return the tokens of each reply, the stop token included."""
    torch.manual_seed(seed)
    tokenizer.padding_side = "left"
    limited = Enforcer(enforcer.automaton, budget)
    replies = []
    for at in range(0, len(problems), BATCH):
        prompts = [prompt_ids(tokenizer, problem.prompt) for problem in problems[at : at + BATCH]]
        inputs = tokenizer.pad({"input_ids": prompts}, return_tensors="pt")
        with torch.inference_mode():
            output = model.generate(**inputs, **limited.kwargs, do_sample=True)
        replies += output[:, inputs["input_ids"].shape[1] :].tolist()
    stop = enforcer.automaton.stop_token_ids[0]
    return [reply[: reply.index(stop) + 1] for reply in replies]


def _line(
    enforcer: Enforcer,
    budget: Budget,
    problems: list[Problem],
    replies: list[list[int]],
    tokenizer: Any,
) -> str:
    cut = middle = right = thought = 0
    masks = Masks(enforcer.automaton)
    for problem, token_ids in zip(problems, replies, strict=True):
        matcher = Matcher(enforcer.automaton, budget, masks)
        assert all(matcher.accept(token_id) for token_id in token_ids)
        reply = Reply.parse(tokenizer.decode(token_ids[:-1]), ReplyFormat())
        last = [text for section, text in reply.sections if section is not Section.OUTPUT][-1]
        right += problem.is_right(reply.answer)
        thought += matcher.num_thinking_tokens
        if "thinking" in matcher.budget_hits:
            cut += 1
            middle += SENTENCE_END.search(last) is None
    return (
        f"thinking <= {budget.max_thinking_tokens:3} soft {budget.soft_tokens:2}: cut {cut}, "
        f"mid-sentence {share(middle, cut)}, right {share(right, len(replies))}, "
        f"mean thinking {thought / len(replies):.1f} tokens"
    )


if __name__ == "__main__":
    raise SystemExit(main())
