"""The `train` command: `python -m train demo` makes the demo model on one CPU core."""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from train.recipe import Recipe


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; nothing heavy is imported for it."""
    parser = argparse.ArgumentParser(prog="reflect train", description="Make a model.")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="make the demo model from nothing, on one CPU core")
    demo.add_argument("--quick", action="store_true", help="a smoke run of about a minute")
    demo.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    demo.add_argument(
        "--thinking-only",
        action="store_true",
        help="train the baseline instead: equal size and tokens, no reflections, no bundle",
    )
    demo.add_argument(
        "--out",
        type=Path,
        help="folder of the bundle (default: models/demo; with --quick runs/quick/bundle)",
    )
    demo.add_argument(
        "--folder",
        type=Path,
        help="checkpoints and verdicts (default: runs/demo; with --quick runs/quick; "
        "with --thinking-only -thinking-only is added)",
    )
    demo.add_argument(
        "--baseline",
        type=Path,
        help="folder of a finished --thinking-only run to compare with "
        "(default: where --thinking-only leaves it, if it is there)",
    )
    demo.add_argument("--seed", type=int, default=1, help="of weights and data (default: 1)")
    return parser


class ArgumentsError(ValueError):
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


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0, 1 on a file that cannot be written, 2 if refused, 130 or 143 after a signal."""
    argv = sys.argv[1:] if argv is None else argv
    arguments = build_parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    from train.tuning import RecipeError, StoppedError

    try:
        _make(arguments, f"python -m train {shlex.join(argv)}")
    except StoppedError as error:
        print(f"{error}; --resume goes on from here", file=sys.stderr)
        return 143
    except KeyboardInterrupt:
        print("interrupted; --resume goes on from the last checkpoint", file=sys.stderr)
        return 130
    except (ArgumentsError, RecipeError) as error:
        print(f"reflect train: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"reflect train: {error}; --resume goes on from what was saved", file=sys.stderr)
        return 1
    return 0


def _make(arguments: argparse.Namespace, command: str) -> None:
    """Check all that can be checked before the training, then train."""
    from train.demo import make_demo
    from train.finish import read_baseline

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
