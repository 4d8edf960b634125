"""The section [export]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from train.settings import FORBID


@dataclass(frozen=True, slots=True)
class Export:
    """The bundle. self_test: prompts on which the shipped file is compared with what was tuned."""

    __pydantic_config__ = FORBID

    dtype: Literal["float32", "bfloat16"] = "bfloat16"
    self_test: int = 16
    temperature: float = 0.7
    top_p: float = 1.0
