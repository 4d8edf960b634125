"""The self-test: whether the file that ships says what was tuned.

What was tuned, an adapter live on its base, writes greedily; then each step is held against that:
the merge must leave every probability where it was, the file must hold the merged weights bit for
bit, and the cast may turn only tokens that were close to being others. Greedy replies are compared
by reading: a reply is written again exactly if each of its tokens is the likeliest where it stands.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from train.errors import TrainError
from train.exporting.greedy import Written, read_reply, write_greedily

MAX_TOKENS = 64  # of a reply
MERGE_TOLERANCE = 1e-3  # of a log probability, in float32: sums in another order, nothing more
SURE = {"float32": 0.1, "bfloat16": 1.0}  # logits by which a token leads that no rounding may turn
MAX_TURNED_SHARE = 0.01  # of the sure tokens, by the cast


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a model makes of the replies of another.

    num_written: replies that it would write token for token; num_likeliest: tokens
    num_sure: tokens that led by SURE logits; num_turned: those of them that it would not write
    greatest_change: of a token's log probability
    """

    num_replies: int
    num_written: int
    num_tokens: int
    num_likeliest: int
    num_sure: int
    num_turned: int
    greatest_change: float

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self) | {"greatest_change": float(f"{self.greatest_change:.3g}")}


@dataclass(frozen=True, slots=True)
class Reference:
    """Replies of what was tuned, with the log probabilities of their tokens."""

    replies: tuple[Written, ...]
    logprobs: tuple[torch.Tensor, ...]

    @classmethod
    def write(
        cls, model: Any, prompts: Iterable[Sequence[int]], stops: Collection[int]
    ) -> Reference:
        """Let the model answer each prompt greedily."""
        replies = [write_greedily(model, each, MAX_TOKENS, stops) for each in prompts]
        return cls(tuple(replies), tuple(read_reply(model, each)[0] for each in replies))

    def compare(self, model: Any, least_lead: float) -> Comparison:
        """Let another model read the replies."""
        num_written = num_likeliest = num_sure = num_turned = 0
        changes = [torch.zeros(1)]
        for reply, before in zip(self.replies, self.logprobs, strict=True):
            logprobs, likeliest = read_reply(model, reply)
            same = likeliest == torch.tensor(reply.ids)
            sure = torch.tensor(reply.leads) >= least_lead
            num_written += bool(same.all())
            num_likeliest += int(same.sum())
            num_sure += int(sure.sum())
            num_turned += int((sure & ~same).sum())
            changes.append((logprobs - before).abs())
        num_tokens = sum(len(reply.ids) for reply in self.replies)
        change = float(torch.cat(changes).max())  # of torch: not a number, if one of them is
        return Comparison(
            len(self.replies), num_written, num_tokens, num_likeliest, num_sure, num_turned, change
        )


def check_merge(found: Comparison) -> None:
    """Raise TrainError if merging changed what the model says."""
    if not found.greatest_change <= MERGE_TOLERANCE:
        raise TrainError(
            f"the merged weights are not the tuned ones: a log probability differs by "
            f"{found.greatest_change:.3g} (at most {MERGE_TOLERANCE:g} comes of rounding)"
        )


def check_cast(found: Comparison, dtype: str) -> None:
    """Raise TrainError if the file says something else where the tuned model was sure."""
    if math.isnan(found.greatest_change):
        raise TrainError(f"the file in {dtype} holds values that are not numbers")
    if found.num_turned > MAX_TURNED_SHARE * found.num_sure:
        raise TrainError(
            f"the file in {dtype} is not what was tuned: of {found.num_sure} tokens that led by "
            f"{SURE[dtype]:g} logits it would not write {found.num_turned}; "
            "export.dtype=float32 casts nothing"
        )


def check_file(folder: Path, model: Any) -> Any:
    """Load the folder as a user would; raise TrainError unless its weights are the model's.

    Returns what was loaded, in the model's dtype.
    """
    from transformers import AutoModelForCausalLM

    shipped = AutoModelForCausalLM.from_pretrained(folder, dtype=model.dtype)
    ours, theirs = model.state_dict(), shipped.state_dict()
    wrong = [
        name for name in ours if name not in theirs or not torch.equal(ours[name], theirs[name])
    ]
    if wrong or ours.keys() != theirs.keys():
        named = ", ".join(sorted({*wrong, *theirs.keys() - ours.keys()})[:4])
        raise TrainError(f"{folder} does not hold the weights that were saved there: {named} ...")
    return shipped.eval()
