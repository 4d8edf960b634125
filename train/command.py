"""The `train` command: `python -m train demo` makes the demo model on one CPU core."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; nothing heavy is imported for it."""
    parser = argparse.ArgumentParser(prog="train", description="Make a model.")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="make the demo model from nothing, on one CPU core")
    demo.add_argument("--quick", action="store_true", help="a smoke run of about a minute")
    demo.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    demo.add_argument(
        "--thinking-only",
        action="store_true",
        help="train the baseline instead: equal size and tokens, no reflections, no bundle",
    )
    demo.add_argument("--out", type=Path, help="folder of the bundle (default: models/demo)")
    demo.add_argument("--folder", type=Path, help="checkpoints and verdicts (default: under runs/)")
    demo.add_argument(
        "--baseline", type=Path, help="folder of a finished --thinking-only run to compare with"
    )
    demo.add_argument("--seed", type=int, default=1, help="of weights and data (default: 1)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status; 143 after a SIGTERM."""
    argv = sys.argv[1:] if argv is None else argv
    arguments = build_parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    from dataclasses import replace

    from train.demo import make_demo
    from train.recipe import Recipe
    from train.tuning import RecipeError, StoppedError

    recipe = replace(Recipe(), seed=arguments.seed)
    recipe = recipe.quick() if arguments.quick else recipe
    run, out = ("quick" if arguments.quick else "demo"), arguments.out
    if arguments.thinking_only:
        recipe = recipe.thinking_only()
    elif out is None:
        out = Path("runs/quick/bundle") if arguments.quick else Path("models/demo")
    baseline = Path("runs") / f"{run}-thinking-only"
    folder = baseline if arguments.thinking_only else Path("runs") / run
    try:
        make_demo(
            recipe,
            arguments.folder or folder,
            out,
            resume=arguments.resume,
            baseline=arguments.baseline or baseline,
            command=f"python -m train {' '.join(argv)}",
        )
    except StoppedError as error:
        print(f"{error}; --resume goes on from here", file=sys.stderr)
        return 143
    except RecipeError as error:
        print(error, file=sys.stderr)
        return 2
    return 0
