"""The section [score]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from train.settings import FORBID


@dataclass(frozen=True, slots=True)
class Score:
    """The student and how it is asked.

    max_length: tokens of context and target together; token_budget: of one batch, padding included
    chunk: targets whose logits exist at once
    """

    __pydantic_config__ = FORBID

    model: str = ""
    template: Literal["vicuna", "alpaca", "wizardlm", "chat"] = "vicuna"
    max_length: int = 2048
    min_target_tokens: int = 8
    token_budget: int = 4096
    chunk: int = 1024
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    mode: Literal["exact", "faithful"] = "exact"
