"""Runs of tuning in processes of their own, which a test can stop and kill.

A fork server imports torch and TRL once; its children are as clean as new processes.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from functools import cache
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

ROOT = Path(__file__).parents[3]


@cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["train.fine_tuning.tuning", "torch.utils.tensorboard", "torch.distributed.run"]
    )
    return context


def start(file: Path, *changes: str) -> ForkServerProcess:
    """Start `train sft -c FILE CHANGES`; its exit code is the command's."""
    process = _context().Process(target=_run, args=(file, changes))
    process.start()
    return process


def run(file: Path, *changes: str) -> int | None:
    process = start(file, *changes)
    process.join()
    return process.exitcode


def launch(file: Path, logs: Path, *changes: str) -> ForkServerProcess:
    """Start `torchrun --nproc-per-node 2` of the same command; the workers write to `logs`.

    They are forked from the launcher, which has imported all they need.
    """
    torchrun = ["--standalone", "--nproc-per-node=2", "--redirects=3", f"--log-dir={logs}"]
    forked = ["--start-method=fork", "--run-path", str(ROOT / "train" / "__main__.py")]
    arguments = [*torchrun, *forked, "sft", "-c", str(file), *changes]
    process = _context().Process(target=_torchrun, args=(arguments,))
    process.start()
    return process


def _torchrun(arguments: list[str]) -> None:
    os.environ["TORCH_ELASTIC_SHUTDOWN_TIMEOUT"] = "1800"
    from torch.distributed.run import main

    main(arguments)


def _run(file: Path, changes: tuple[str, ...]) -> None:
    import torch

    from train.command import main

    torch.set_num_threads(1)
    sys.exit(main(["sft", "-c", str(file), *changes]))
