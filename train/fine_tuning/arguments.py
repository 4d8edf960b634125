"""Arguments: the section [sft] as TRL's SFTConfig."""

from __future__ import annotations

import math
import os
from collections.abc import Container, Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from trl import SFTConfig

from train.errors import ConfigError
from train.fine_tuning.settings import Sft

LEARNING_RATES = {"full": 2e-5, "lora": 2e-4}
SAID_BY = {
    "output_dir": "run.dir",
    "per_device_train_batch_size": "sft.micro_batch",
    "per_device_eval_batch_size": "sft.micro_batch",
    "gradient_accumulation_steps": "sft.batch",
    "num_train_epochs": "sft.epochs",
    "max_steps": "sft.epochs",
    "learning_rate": "sft.lr",
    "lr_scheduler_type": "sft.schedule",
    "warmup_steps": "sft.warmup",
    "weight_decay": "sft.weight_decay",
    "bf16": "sft.precision",
    "fp16": "sft.precision",
    "gradient_checkpointing": "sft.gradient_checkpointing",
    "packing": "sft.packing",
    "padding_free": "sft.packing",
    "eval_packing": "sft.packing",
    "max_length": "sft.max_length",
    "train_sampling_strategy": "sft.window",
    "save_strategy": "sft.save_every_s",
    "save_total_limit": "sft.keep",
    "logging_steps": "sft.log_every",
    "seed": "run.seed",
}
# of what is set here, what may be otherwise without contradicting the section or the law of a run
FREE = ("dataloader_pin_memory", "ddp_find_unused_parameters", "eval_steps", "report_to")


def make_arguments(
    settings: Sft,
    folder: Path,
    seed: int,
    num_steps: int,
    world_size: int,
    *,
    is_packed: bool,
    has_holdout: bool,
) -> SFTConfig:
    """Return the trainer's arguments; raise ConfigError on those that contradict the section."""
    own: dict[str, Any] = {
        "output_dir": str(folder),
        "per_device_train_batch_size": settings.micro_batch,
        "per_device_eval_batch_size": settings.micro_batch,
        "gradient_accumulation_steps": num_micro_batches(settings, world_size),
        "num_train_epochs": 1,  # our order is one stream through all epochs
        "learning_rate": settings.lr or LEARNING_RATES[settings.method],
        "lr_scheduler_type": settings.schedule,
        "warmup_steps": math.ceil(settings.warmup * num_steps),
        "weight_decay": settings.weight_decay,
        "seed": seed,
        "use_cpu": not torch.cuda.is_available(),
        "bf16": settings.precision == "bfloat16",
        "gradient_checkpointing": checkpoints_gradients(settings),
        "packing": is_packed,
        "max_length": settings.max_length,
        "eval_strategy": "steps" if has_holdout else "no",
        "eval_steps": max(1, round(num_steps / max(1.0, settings.epochs))),
        "logging_steps": settings.log_every,
        "logging_first_step": True,
        "save_strategy": "no",  # `Stopping` decides
        "report_to": "none",  # `Curves` tells
        "disable_tqdm": True,
        "remove_unused_columns": False,
        "dataset_kwargs": {"skip_prepare_dataset": True},
        "dataloader_pin_memory": torch.cuda.is_available(),
        "ddp_find_unused_parameters": False,
        "average_tokens_across_devices": True,
    }
    _check(settings.trainer, own)
    return SFTConfig(**{**own, **settings.trainer})


def _check(given: Iterable[str], own: Container[str]) -> None:
    known = {field.name for field in fields(SFTConfig)}
    for name in given:
        if name in SAID_BY:
            raise ConfigError(f"sft.trainer.{name}: {SAID_BY[name]} says so")
        if name in own and name not in FREE:
            raise ConfigError(f"sft.trainer.{name}: tuning depends on its own, it cannot be set")
        if name not in known:
            raise ConfigError(f"sft.trainer.{name}: TRL's SFTConfig has nothing of that name")


def num_micro_batches(settings: Sft, world_size: int) -> int:
    """Return how many of them a process computes for one step."""
    count, rest = divmod(settings.batch, settings.micro_batch * world_size)
    if rest or not count:
        raise ConfigError(
            f"sft.batch = {settings.batch} is no multiple of sft.micro_batch = "
            f"{settings.micro_batch} times {world_size} processes"
        )
    return count


def is_packing(settings: Sft) -> bool:
    """Whether samples share rows: as the section says, by itself only where that is fast."""
    if settings.packing != "auto":
        return settings.packing == "bfd"
    return torch.cuda.is_available() and "flash" in settings.attention


def checkpoints_gradients(settings: Sft) -> bool:
    """Whether activations are computed again; not where FSDP's configuration does it."""
    if os.environ.get("FSDP_ACTIVATION_CHECKPOINTING", "").lower() == "true":
        return False
    if settings.gradient_checkpointing == "auto":
        return torch.cuda.is_available()
    return settings.gradient_checkpointing == "on"
