"""The section [sft]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from train.settings import FORBID, Count, Share

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]

LEAST_RANK = 64  # of adapters that learn to reflect: Physics of Language Models 2.2


@dataclass(frozen=True, slots=True)
class Lora:
    """Low-rank adapters, of LEAST_RANK at least where reflection is to be learned."""

    __pydantic_config__ = FORBID

    rank: Count = LEAST_RANK
    alpha: Count = 128
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    target: str = "all-linear"


@dataclass(frozen=True, slots=True)
class Sft:
    """Fine-tuning; the defaults are the recipe of Reflection-Tuning's papers.

    model: a folder or name; attention: transformers' name of the kernel, "" is its own choice
    lr: 0 is 2e-5 for all weights, 2e-4 for LoRA
    batch: samples an optimizer step, over all processes; micro_batch: samples a forward pass
    window: so many batches are sorted by length together, so that little is padded; 1: none
    packing: bfd puts whole samples in rows of max_length, isolated from one another, and a sample
        of `batch` is then a row; auto does so with a flash attention kernel on a GPU
    precision: of the arithmetic; the weights that are tuned are float32 with either
    gradient_checkpointing: auto is on a GPU
    save_every_s, keep: how often a checkpoint is written, how many stay; log_every: in steps
    trainer: more arguments of TRL's SFTConfig, as they are; none that tuning sets itself
    """

    __pydantic_config__ = FORBID

    model: str = ""
    method: Literal["full", "lora"] = "full"
    attention: str = ""
    lr: NotNegative = 0.0
    batch: Count = 128
    micro_batch: Count = 4
    window: Count = 50
    epochs: Positive = 3.0
    warmup: Share = 0.03
    weight_decay: NotNegative = 0.0
    schedule: str = "cosine"
    packing: Literal["auto", "off", "bfd"] = "auto"
    max_length: Count = 2048
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    gradient_checkpointing: Literal["auto", "on", "off"] = "auto"
    save_every_s: NotNegative = 600.0
    keep: Count = 2
    log_every: Count = 10
    lora: Lora = field(default_factory=Lora)
    trainer: Mapping[str, Any] = field(default_factory=dict)
