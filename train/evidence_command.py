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
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from files.hashes import file_sha256
from files.whole import write_whole
from train.command import STOPPED
from train.errors import ConfigError, DataError
from train.evidence.arms import ARMS, Arm, Scale, find

SHOWN = ("thinking", "reflecting", "unmasked", "attempts masked", "direct")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    names = " ".join(f"'{arm.name}'" for arm in ARMS)
    parser.add_argument(
        "--out", type=Path, default=Path("runs/evidence"), help="folder of the runs"
    )
    parser.add_argument("--seeds", default="1,2,3", help="of weights and lessons (default: 1,2,3)")
    parser.add_argument("--arms", nargs="+", metavar="ARM", help=f"default all: {names}")
    parser.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        help="trainings at once, one core each (default: as many as there are cores)",
    )
    parser.add_argument(
        "--scale",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"another recipe or size, in another --out: {', '.join(asdict(Scale()))}",
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run: nothing is learned")
    parser.add_argument(
        "--compare-only", action="store_true", help="train nothing: compare what is there"
    )


def run(arguments: argparse.Namespace) -> int:
    """Return 0, or STOPPED after a SIGTERM."""
    from train.evidence.jobs import Job, Jobs

    scale = _scale(Scale().quick() if arguments.quick else Scale(), arguments.scale)
    arms, seeds = _arms(arguments.arms), _seeds(arguments.seeds)
    if not arguments.compare_only:
        jobs = [Job(arm, seed) for arm in arms for seed in seeds]
        if Jobs(arguments.out, scale, jobs).run(arguments.workers):
            print("stopped and saved; the same command goes on", file=sys.stderr)
            return STOPPED
    command = shlex.join(["python", "-m", "train", "evidence", *arguments.argv])
    print(write_evidence(arguments.out, arms, seeds, scale, command))
    return 0


def _arms(names: Sequence[str] | None) -> list[Arm]:
    if names is None:
        return list(ARMS)
    try:
        wanted = [find(name) for name in names]
    except KeyError as error:
        raise ConfigError(error.args[0]) from error
    bases = {arm.base for arm in wanted if arm.base}
    return [arm for arm in ARMS if arm in wanted or arm.name in bases]


def _scale(scale: Scale, changes: Sequence[str]) -> Scale:
    known = asdict(scale)
    for change in changes:
        name, _, value = change.partition("=")
        try:
            scale = replace(scale, **{name: type(known[name])(value)})
        except (KeyError, ValueError) as error:
            raise ConfigError(
                f"--scale {change}: NAME=NUMBER was expected, NAME of {', '.join(known)}"
            ) from error
    return scale


def _seeds(text: str) -> list[int]:
    try:
        return [int(seed) for seed in text.split(",")]
    except ValueError as error:
        raise ConfigError(f"--seeds {text}: whole numbers with commas were expected") from error


def write_evidence(
    out: Path, arms: Sequence[Arm], seeds: Sequence[int], scale: Scale, command: str
) -> str:
    """Compare what is trained of them, write the three files and return the summary."""
    from train.evidence.comparison import compare_arms
    from train.evidence.plots import evidence_plot
    from train.evidence.summary import summary
    from train.evidence.training import RESULT, folder_of, is_done

    files = [
        file
        for arm in arms
        for seed in seeds
        if is_done(out, arm, seed, scale)
        for file in [folder_of(out, arm.name, seed) / RESULT]
    ]
    if not files:
        raise DataError(f"{out} has no finished run of them: leave out --compare-only")
    results: dict[str, dict[int, Any]] = {}
    for file in files:
        result = json.loads(file.read_text(encoding="utf-8"))
        results.setdefault(result["arm"], {})[result["seed"]] = result
    figures = compare_arms(results)
    text = summary(figures)
    record = {
        "format": 2,
        "command": command,
        "recipes": {
            name: {seed: run["recipe"] for seed, run in runs.items()}
            for name, runs in results.items()
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
