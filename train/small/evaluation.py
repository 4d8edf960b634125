"""Evaluation: replies to problems that training never drew, and what they are worth.

Replies are sampled without enforcement, at the temperature that the bundle will state.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from decoding.format import FormatError, Reply, ReplyFormat
from problems.families import COUNTDOWN, EVALUATION_SEED, FAMILIES, WORD_PROBLEMS, draw
from problems.problem import Problem
from problems.reflections import judge
from problems.split import Split
from train.small.intervals import clustered_share
from train.small.sampling import sample
from train.small.tokenizer import prompt_ids

SEED = EVALUATION_SEED
CHECK_SEED = 777_767
MAX_TOKENS = 384
SETS = (
    (WORD_PROBLEMS, Split.FRESH),
    (WORD_PROBLEMS, Split.TEMPLATES),
    (WORD_PROBLEMS, Split.NUMBERS),
    (COUNTDOWN, Split.FRESH),
    (COUNTDOWN, Split.TEMPLATES),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One reply: its text, whether it finished, kept the format, and answered right."""

    problem: Problem
    text: str
    num_tokens: int
    is_finished: bool
    is_formed: bool
    is_right: bool

    @property
    def num_reflections(self) -> int:
        """How often the reply reflects."""
        return self.text.count("<reflection>")


def answer(
    model: Any, tokenizer: Any, problems: Sequence[Problem], temperature: float, seed: int = SEED
) -> list[Verdict]:
    """Let the model answer each problem once and check the replies."""
    prompts = [prompt_ids(tokenizer, problem.prompt) for problem in problems]
    eos, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    replies = sample(
        model,
        prompts,
        eos=eos,
        pad=pad,
        max_tokens=MAX_TOKENS,
        temperature=temperature,
        seed=seed,
    )
    return [
        _verdict(problem, reply, tokenizer, eos)
        for problem, reply in zip(problems, replies, strict=True)
    ]


def _verdict(problem: Problem, reply: list[int], tokenizer: Any, eos: int) -> Verdict:
    is_finished = reply[-1] == eos
    text = tokenizer.decode(reply[:-1] if is_finished else reply)
    try:
        answer_text = Reply.parse(text, ReplyFormat()).answer
    except FormatError:
        return Verdict(problem, text, len(reply), is_finished, False, False)
    is_right = is_finished and problem.is_right(answer_text)
    return Verdict(problem, text, len(reply), is_finished, True, is_right)


def figures(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return the figures of one set of replies in JSON form, problems of one core clustered."""
    n = len(verdicts)
    judged = [judge(verdict.problem, verdict.text) for verdict in verdicts]
    cores = [verdict.problem.core for verdict in verdicts]

    def share(counts: Iterable[tuple[int, int]]) -> dict[str, Any]:
        return clustered_share(list(counts), cores).to_dict()

    return {
        "n": n,
        "right": share((v.is_right, 1) for v in verdicts),
        "right_without_reflection": share(
            (v.is_right and not v.num_reflections, 1) for v in verdicts
        ),
        "finished": share((v.is_finished, 1) for v in verdicts),
        "well_formed_of_finished": share(
            (v.is_formed and v.is_finished, v.is_finished) for v in verdicts
        ),
        "with_reflection": share((v.num_reflections > 0, 1) for v in verdicts),
        "mean_reflections": round(sum(v.num_reflections for v in verdicts) / n, 3),
        "mean_tokens": round(sum(v.num_tokens for v in verdicts) / n, 1),
        "wrong_flagged": share((one.wrong_flagged, one.wrong) for one in judged),
        "right_flagged": share((one.right_flagged, one.right) for one in judged),
        "repaired_of_flagged_wrong": share((one.repaired, one.wrong_flagged) for one in judged),
    }


def quick_check(model: Any, tokenizer: Any, n: int, temperature: float) -> dict[str, Any]:
    """Return a few figures for the log of a running training, on problems of their own."""
    found: dict[str, Any] = {}
    for family in FAMILIES:
        problems = draw(family, Split.FRESH, n, CHECK_SEED)
        measured = figures(answer(model, tokenizer, problems, temperature, CHECK_SEED))
        found[family] = {
            "right": measured["right"]["percent"],
            "at_once": measured["right_without_reflection"]["percent"],
            "finished": measured["finished"]["percent"],
            "reflections": measured["mean_reflections"],
            "tokens": measured["mean_tokens"],
        }
    return found
