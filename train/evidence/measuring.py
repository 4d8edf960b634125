"""Measuring: what a trained model does with puzzles it never saw, in JSON form.

Replies are sampled at the temperature of the demo model, not enforced. What a model answers to a
puzzle is kept for every puzzle, so that any two models can be compared on the same ones.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

import torch

from problems.countdown import Puzzle
from problems.families import EVALUATION_SEED
from problems.reflections import judge
from train.evidence.arms import Arm
from train.evidence.puzzles import Part, puzzles
from train.evidence.words import SPLITS, word_problems
from train.segments import Kind
from train.small.countdown import sorted_out, trace
from train.small.evaluation import Verdict, answer, figures
from train.small.tokenizer import prompt_ids, prompt_text

TEMPERATURE = 0.7
BATCH = 64


def measure(
    model: Any, tokenizer: Any, num_puzzles: int, num_votes: int, arm: Arm
) -> dict[str, Any]:
    """Ask every puzzle: sampled num_votes times, greedily once; and force attempts on the model."""
    asked = puzzles(Part.TEST, num_puzzles, arm.num_numbers)
    tries = [
        answer(model, tokenizer, asked, TEMPERATURE, EVALUATION_SEED + number)
        for number in range(num_votes)
    ]
    greedy = answer(model, tokenizer, asked, 0.0)
    return {
        "figures": figures(tries[0]),
        "greedy": figures(greedy),
        "tries": [record(model, tokenizer, verdicts) for verdicts in tries],
        "greedy_tries": [record(model, tokenizer, greedy)],
        "num_solutions": [len(sorted_out(puzzle)[0]) for puzzle in asked],
        "forced": forced(model, tokenizer, asked),
        "word_problems": _words(model, tokenizer, num_puzzles) if arm.words_share else {},
    }


def _words(model: Any, tokenizer: Any, n: int) -> dict[str, Any]:
    """Ask word problems too, of which the demo model's manifest tells the sets."""
    found = {}
    for split in SPLITS:
        verdicts = answer(model, tokenizer, word_problems(split, n), TEMPERATURE)
        found[split.value] = {
            "right": [int(verdict.is_right) for verdict in verdicts],
            "judged": _judged(verdicts),
        }
    return found


def record(model: Any, tokenizer: Any, verdicts: Sequence[Verdict]) -> dict[str, list[Any]]:
    """Return what each reply is: right, its tokens, its answer, how likely the model finds it.

    judged: its attempts, each number after those of `Reflections`
    """
    return {
        "right": [int(verdict.is_right) for verdict in verdicts],
        "finished": [int(verdict.is_finished) for verdict in verdicts],
        "tokens": [verdict.num_tokens for verdict in verdicts],
        "reflections": [verdict.num_reflections for verdict in verdicts],
        "judged": _judged(verdicts),
        "answer": [_canonical(verdict) for verdict in verdicts],
        "logprob": [round(x, 4) for x in mean_logprobs(model, tokenizer, verdicts)],
    }


def _judged(verdicts: Sequence[Verdict]) -> list[tuple[int, ...]]:
    return [astuple(judge(verdict.problem, verdict.text)) for verdict in verdicts]


def _canonical(verdict: Verdict) -> str:
    """Return the answer in the form that votes are counted in; "" where there is none."""
    if not verdict.is_finished or "<output>" not in verdict.text:
        return ""
    return verdict.problem.canonical(verdict.text.split("<output>")[1].split("</output>")[0])


@torch.no_grad()
def mean_logprobs(model: Any, tokenizer: Any, verdicts: Sequence[Verdict]) -> list[float]:
    """Return the mean log-probability of each reply's tokens under the model, at temperature 1."""
    found: list[float] = []
    for start in range(0, len(verdicts), BATCH):
        rows = verdicts[start : start + BATCH]
        heads = [prompt_ids(tokenizer, verdict.problem.prompt) for verdict in rows]
        tails = [
            tokenizer(verdict.text, add_special_tokens=False)["input_ids"]
            + [tokenizer.eos_token_id] * verdict.is_finished
            for verdict in rows
        ]
        length = max(len(head) + len(tail) for head, tail in zip(heads, tails, strict=True))
        pad = tokenizer.pad_token_id
        ids = torch.tensor(
            [h + t + [pad] * (length - len(h) - len(t)) for h, t in zip(heads, tails, strict=True)]
        )
        logprobs = model(input_ids=ids[:, :-1]).logits.log_softmax(-1)
        chosen = logprobs.gather(2, ids[:, 1:, None])[:, :, 0]
        for row, head, tail in zip(chosen, heads, tails, strict=True):
            own = row[len(head) - 1 : len(head) + len(tail) - 1]
            found.append(float(own.mean()) if len(tail) else -math.inf)
    return found


@torch.no_grad()
def forced(model: Any, tokenizer: Any, asked: Sequence[Puzzle]) -> dict[str, float]:
    """Put an attempt into the model's mouth: how likely does it begin a reflection after it?

    wrong: after a wrong attempt (catches), right: after a right one (false alarms); means over the
    puzzles of the probability of `<reflection>` as the next token.
    """
    tag = tokenizer.convert_tokens_to_ids("<reflection>")
    found = {"wrong": 0.0, "right": 0.0}
    for puzzle in asked:
        for name, line in _attempts(puzzle).items():
            text = prompt_text(tokenizer, puzzle.prompt) + "<thinking>\n" + line
            ids = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])
            last = model(input_ids=ids, logits_to_keep=1).logits[0, -1]
            found[name] += float(last.softmax(-1)[tag]) / len(asked)
    return found


def _attempts(puzzle: Puzzle) -> dict[str, str]:
    """Return a right attempt and a wrong one of the kind that lessons have, by the puzzle alone."""
    rng = random.Random(f"forced/{puzzle.prompt}")
    shown = trace(rng, puzzle, p_more=1.0, max_wrong=1)
    wrong = "".join(segment.text for segment in shown.segments if segment.kind is Kind.WRONG)
    right = shown.segments[-3].text
    return {"wrong": wrong, "right": right}
