"""The section [score]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from train.settings import FORBID, Count


@dataclass(frozen=True, slots=True)
class Score:
    """The student and how it is asked.

    model: a folder or name; "" is that of [sft].model in `score`, and refused by `recycle`
    template: how a question stands before its response; chat is the model's own chat template
    preamble: the sentence that vicuna and alpaca begin with; "" is one of ours
    mode: exact (ours) or faithful (tokens, cuts and prompts as the published scripts make them)
    max_length: tokens of context and target together
    min_target_tokens: a target that is cut to fewer is too_long
    token_budget: tokens of one batch, padding included
    chunk: targets whose logits exist at once
    shards: parts of the samples, by their id, that processes and machines take in turn
    """

    __pydantic_config__ = FORBID

    model: str = ""
    template: Literal["vicuna", "alpaca", "wizardlm", "chat"] = "vicuna"
    preamble: str = ""
    mode: Literal["exact", "faithful"] = "exact"
    max_length: Count = 2048
    min_target_tokens: Count = 8
    token_budget: Count = 4096
    chunk: Count = 1024
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    shards: Count = 16
