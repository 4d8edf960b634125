"""Runs of tuning in processes of their own, which a test can stop and kill.

A fork server imports torch and TRL once; its children are as clean as new processes.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
from collections.abc import Mapping
from functools import cache
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path


@cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["train.fine_tuning.tuning", "torch.utils.tensorboard"])
    return context


def start(
    file: Path, *changes: str, environment: Mapping[str, str] | None = None
) -> ForkServerProcess:
    """Start `train sft -c FILE CHANGES`; its exit code is the command's."""
    process = _context().Process(target=_run, args=(file, changes, dict(environment or {})))
    process.start()
    return process


def run(file: Path, *changes: str) -> int | None:
    process = start(file, *changes)
    process.join()
    return process.exitcode


def run_together(file: Path, count: int, *changes: str) -> list[int | None]:
    """Run `count` processes with the environment that torchrun gives them."""
    shared = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(_free_port()),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
    }
    processes = [
        start(file, *changes, environment={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in range(count)
    ]
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]


def _run(file: Path, changes: tuple[str, ...], environment: dict[str, str]) -> None:
    os.environ.update(environment)
    import torch

    from train.command import main

    torch.set_num_threads(1)
    sys.exit(main(["sft", "-c", str(file), *changes]))


def _free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])
