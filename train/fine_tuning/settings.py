"""The section [sft]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from train.settings import FORBID


@dataclass(frozen=True, slots=True)
class Lora:
    """Low-rank adapters; rank >= 64 where reflection is to be learned (Physics of LMs 2.2)."""

    __pydantic_config__ = FORBID

    rank: int = 64
    alpha: int = 128
    dropout: float = 0.0
    target: str = "all-linear"


@dataclass(frozen=True, slots=True)
class Sft:
    """Fine-tuning; the defaults are the recipe of Reflection-Tuning's papers.

    model: a folder or name; batch: samples an optimizer step, over all processes
    trainer: more arguments of TRL's SFTConfig, as they are
    """

    __pydantic_config__ = FORBID

    model: str = ""
    method: Literal["full", "lora"] = "full"
    lr: float = 2e-5
    batch: int = 128
    micro_batch: int = 4
    epochs: float = 3.0
    warmup: float = 0.03
    weight_decay: float = 0.0
    schedule: str = "cosine"
    packing: Literal["auto", "off", "bfd"] = "auto"
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    save_every_s: float = 600.0
    lora: Lora = field(default_factory=Lora)
    trainer: Mapping[str, Any] = field(default_factory=dict)
