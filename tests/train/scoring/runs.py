"""A run folder to score, and children that score it until they are killed."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from pathlib import Path

from tests.train.scoring.students import make_samples

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        __name__,
        "train.config",
        "train.score_command",
        "train.scoring.distribution",
        "train.scoring.progress",
        "train.scoring.scored",
    ]
)


def write_run(folder: Path, student: Path, *, num_samples: int = 24, shards: int = 3) -> Path:
    """Write data and configuration of a run and return the latter's file."""
    folder.mkdir(parents=True)
    rows = [
        {"instruction": one.instruction, "input": one.input, "output": one.response}
        for one in make_samples(num_samples).values()
    ]
    (folder / "data.json").write_text(json.dumps(rows))
    file = folder / "run.toml"
    file.write_text(
        f'run = {{ name = "test", dir = "{folder}/run" }}\n'
        f'data = {{ sources = [{{ kind = "alpaca", path = "{folder}/data.json" }}] }}\n'
        f'[score]\nmodel = "{student}"\ndevice = "cpu"\ntoken_budget = 256\nshards = {shards}\n'
    )
    return file


def score(*argv: str) -> None:
    """Run the command in a child process."""
    import torch

    from train.command import main

    torch.set_num_threads(1)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123
    sys.exit(main(["score", *argv]))


def start(*argv: str, **environment: str) -> multiprocessing.process.BaseProcess:
    """Start a child that scores; it begins with torch and transformers imported."""
    child = CONTEXT.Process(target=score_with, args=(argv, environment))
    child.start()
    return child


def score_with(argv: tuple[str, ...], environment: dict[str, str]) -> None:
    os.environ |= environment
    score(*argv)


def results(folder: Path) -> dict[str, bytes]:
    """Return what a finished run must have to the byte."""
    return {name: (folder / "run" / name).read_bytes() for name in ("scored.jsonl", "scored.json")}


def num_lines(folder: Path) -> int:
    """Count the scores that the run has so far."""
    return sum(file.read_bytes().count(b"\n") for file in folder.glob("run/scores/*.jsonl"))
