"""Find out whether reflection helps: `python -m train evidence`.

Trains models of equal size on equal tokens of Countdown, each taught otherwise (with three seeds),
asks all of them the same held-out puzzles, and writes evidence.json, evidence.md and evidence.svg.
What is trained already stays: a second call goes on, or compares again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from files.hashes import file_sha256
from files.whole import write_whole
from train.command import STOPPED
from train.errors import ConfigError, DataError
from train.evidence.arms import ARMS, Scale, find

SHOWN = ("thinking", "reflecting", "unmasked", "attempts masked", "direct")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    names = ", ".join(arm.name for arm in ARMS)
    parser.add_argument(
        "--out", type=Path, default=Path("runs/evidence"), help="folder of the runs"
    )
    parser.add_argument("--seeds", default="1,2,3", help="of weights and lessons (default: 1,2,3)")
    parser.add_argument("--arms", help=f"comma-separated, default all: {names}")
    parser.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        help="trainings at once, one core each (default: as many as there are cores)",
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run: nothing is learned")
    parser.add_argument(
        "--compare-only", action="store_true", help="train nothing: compare what is there"
    )


def run(arguments: argparse.Namespace) -> int:
    """Return 0, or STOPPED after a SIGTERM."""
    from train.evidence.jobs import Job, Jobs

    scale = Scale().quick() if arguments.quick else Scale()
    if not arguments.compare_only:
        jobs = [Job(arm, seed) for arm in _arms(arguments.arms) for seed in _seeds(arguments.seeds)]
        if Jobs(arguments.out, scale, jobs).run(arguments.workers):
            print("stopped and saved; the same command goes on", file=sys.stderr)
            return STOPPED
    print(
        write_evidence(
            arguments.out, shlex.join(["python", "-m", "train", "evidence", *arguments.argv])
        )
    )
    return 0


def _arms(names: str | None) -> list[Any]:
    if names is None:
        return list(ARMS)
    try:
        wanted = [find(name.strip()) for name in names.split(",")]
    except KeyError as error:
        raise ConfigError(error.args[0]) from error
    bases = {arm.base for arm in wanted if arm.base}
    return [arm for arm in ARMS if arm in wanted or arm.name in bases]


def _seeds(text: str) -> list[int]:
    try:
        return [int(seed) for seed in text.split(",")]
    except ValueError as error:
        raise ConfigError(f"--seeds {text}: whole numbers with commas were expected") from error


def write_evidence(out: Path, command: str) -> str:
    """Compare what is trained, write the three files and return the summary."""
    from train.evidence.comparison import compare_arms
    from train.evidence.plots import evidence_plot
    from train.evidence.summary import summary

    files = sorted(out.glob("*/seed-*/result.json"))
    if not files:
        raise DataError(f"{out} has no finished run: leave out --compare-only")
    results: dict[str, dict[int, Any]] = {}
    for file in files:
        result = json.loads(file.read_text(encoding="utf-8"))
        results.setdefault(result["arm"], {})[result["seed"]] = result
    ordered = {arm.name: results[arm.name] for arm in ARMS if arm.name in results}
    figures = compare_arms(ordered)
    text = summary(figures)
    record = {
        "format": 1,
        "command": command,
        "recipes": {
            name: {seed: run["recipe"] for seed, run in runs.items()}
            for name, runs in ordered.items()
        },
        "results_sha256": {str(file.relative_to(out)): file_sha256(file) for file in files},
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "transformers", "tokenizers", "peft")},
        },
        **figures,
    }
    write_whole(out / "evidence.json", json.dumps(record, indent=1) + "\n")
    write_whole(out / "evidence.md", text)
    write_whole(out / "evidence.svg", evidence_plot(figures, SHOWN))
    return text
