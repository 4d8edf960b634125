"""Make the demo model from nothing, on one CPU core: `python -m train demo`."""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from train.command import STOPPED
from train.errors import TrainError
from train.small.recipe import Recipe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments; nothing heavy is imported for them."""
    parser.add_argument("--quick", action="store_true", help="a smoke run of about a minute")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument(
        "--thinking-only",
        action="store_true",
        help="train the baseline instead: equal size and tokens, no reflections, no bundle",
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="folder of the bundle (default: models/demo; with --quick runs/quick/bundle)",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        help="checkpoints and verdicts (default: runs/demo; with --quick runs/quick; "
        "with --thinking-only -thinking-only is added)",
    )
    parser.add_argument(
        "--baseline",
        type=Path,
        help="folder of a finished --thinking-only run to compare with "
        "(default: where --thinking-only leaves it, if it is there)",
    )
    parser.add_argument("--seed", type=int, default=1, help="of weights and data (default: 1)")


class ArgumentsError(TrainError):
    """Arguments that contradict each other or name what cannot be used."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one command makes and where; `out` None: no bundle."""

    recipe: Recipe
    folder: Path
    out: Path | None
    baseline: Path


def plan(arguments: argparse.Namespace) -> Plan:
    """Return what the arguments ask for; raise ArgumentsError if they contradict each other."""
    recipe = replace(Recipe(), seed=arguments.seed)
    recipe = recipe.quick() if arguments.quick else recipe
    run = Path("runs") / ("quick" if arguments.quick else "demo")
    baseline = run.with_name(f"{run.name}-thinking-only")
    if arguments.thinking_only:
        if arguments.out or arguments.baseline:
            raise ArgumentsError(
                "--thinking-only makes no bundle: leave out --out and --baseline; "
                "--folder is where its verdicts go"
            )
        return Plan(recipe.thinking_only(), arguments.folder or baseline, None, baseline)
    out = run / "bundle" if arguments.quick else Path("models/demo")
    return Plan(
        recipe, arguments.folder or run, arguments.out or out, arguments.baseline or baseline
    )


def run(arguments: argparse.Namespace) -> int:
    """Return 0, or STOPPED after a SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    from train.small.tuning import StoppedError

    try:
        _make(arguments, f"python -m train demo {shlex.join(arguments.argv)}".rstrip())
    except StoppedError as error:
        print(f"{error}; --resume goes on from here", file=sys.stderr)
        return STOPPED
    return 0


def _make(arguments: argparse.Namespace, command: str) -> None:
    """Check all that can be checked before the training, then train."""
    from train.small.demo import make_demo
    from train.small.finish import read_baseline

    wanted = plan(arguments)
    if arguments.baseline and read_baseline(wanted.baseline, wanted.recipe) is None:
        raise ArgumentsError(f"{wanted.baseline} is no finished --thinking-only run of this recipe")
    for folder in (wanted.folder, wanted.out):
        try:
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ArgumentsError(f"cannot make the folder {folder}: {error.strerror}") from error
    make_demo(
        wanted.recipe,
        wanted.folder,
        wanted.out,
        resume=arguments.resume,
        baseline=wanted.baseline,
        command=command,
    )
