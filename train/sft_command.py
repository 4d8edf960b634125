"""Fine-tune a model on what `build` made, wholly or by LoRA.

    python -m train sft -c run.toml
    torchrun --nproc-per-node 8 -m train sft -c run.toml
    accelerate launch --config_file train/fine_tuning/configs/fsdp2_8b.yaml -m train sft -c run.toml

Stops after its step on SIGTERM or Ctrl-C with status 3, and goes on where it stopped, or was
killed, by the same command, to the same weights. Under torchrun and accelerate 3 is the workers'
status and the launcher's is 1; it kills workers that are still saving after 30 s, unless it is
given more time: export TORCH_ELASTIC_SHUTDOWN_TIMEOUT=1800
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Mapping
from typing import Any

from train.command import STOPPED
from train.config import add_config_arguments, read_config
from train.run_folder import TUNING


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments; nothing heavy is imported for them."""
    add_config_arguments(parser)
    parser.add_argument(
        "--restart", action="store_true", help="forget what was tuned in this run, begin anew"
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="go on from a checkpoint although data, template, tokenizer or settings differ",
    )


def run(arguments: argparse.Namespace) -> int:
    """Return 0, or STOPPED after SIGTERM or Ctrl-C; a launcher of several makes 1 of that."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    config = read_config(arguments)
    is_main = os.environ.get("RANK", "0") == "0"
    from train.fine_tuning.steps import last_losses, read_curves
    from train.fine_tuning.tuning import StoppedError, Tuning

    tuning = Tuning(config.sft, config.run.dir, config.run.seed, is_forced=arguments.force)
    if arguments.restart:
        tuning.restart()
    try:
        manifest = tuning.tune()
    except StoppedError as error:
        if is_main:
            print(f"{error}; the same command goes on", file=sys.stderr)
        return STOPPED
    if is_main:
        losses = last_losses(read_curves(config.run.dir / TUNING))
        print(_summary(manifest, losses))
        print(f"tuned: {config.run.dir / 'tuned'}")
    return 0


def _summary(manifest: dict[str, Any], losses: Mapping[str, float]) -> str:
    tokens, targets = (sum(manifest[name].values()) for name in ("tokens", "loss_tokens"))
    return (
        f"{manifest['num_steps']} steps on {manifest['num_rows']:,} rows, {tokens:,} tokens, "
        f"{targets / tokens:.1%} of them with a loss, {manifest['padding_share']:.1%} padding\n"
        + ", ".join(f"{name} {value:.3f}" for name, value in losses.items())
    )
