"""Score a run's replies again, from its folder alone, and compare digest and figures.

    reflect eval verify runs/eval/20260101T120000Z

Needs no model, no judge and no data set. Exit status: 0 digest and figures are the manifest's; 1
they are not.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from eval.errors import RunError
from eval.measures.comparison import runs_below
from eval.running.flag_values import positive
from eval.running.rescoring import rescore
from eval.running.run_folder import RunFolder
from eval.running.verification import faults
from eval.sample import Sample
from eval.tasks import catalogue

NUM_SHOWN = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the runs and what scorers may need."""
    parser.add_argument("runs", type=Path, nargs="+", help="folders of runs, or above them")
    add_scoring_arguments(parser)


def add_scoring_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what scorers may need."""
    parser.add_argument(
        "--workers", type=positive, metavar="N", help="scoring processes (default: cores, up to 8)"
    )
    parser.add_argument(
        "--data", type=Path, metavar="PATH", help="where scorers find data of theirs (IFEval)"
    )


def run(args: argparse.Namespace) -> int:
    """Verify each run; return 1 where any differs."""
    folders = [folder for path in args.runs for folder in runs_below(path)]
    results = [verify(folder, args.workers, args.data) for folder in folders]
    return 0 if all(results) else 1


def verify(folder: RunFolder, workers: int | None, data: Path | None) -> bool:
    """Print whether the run comes out again, and what of it does not."""
    manifest = folder.manifest
    if "digest" not in manifest:
        raise RunError(f"{folder.path} has not ended: go on with it by eval run --resume")
    task = catalogue.find(manifest["task"])
    found = rescore(folder, task, workers, data)
    told = list(faults(folder, task, found))
    print(f"{'DIFFERS' if told else 'same  '} {folder.path}: {len(found.filed)} samples")
    changes = list(found.changes())
    for line in told + [changed(*change) for change in changes[:NUM_SHOWN]]:
        print(f"  {line}")
    if len(changes) > NUM_SHOWN:
        print(f"    and {len(changes) - NUM_SHOWN} more")
    print(f"  digest {manifest['digest']}")
    if found.lacks_compat:
        print("  lm-eval is not installed here: its scores are taken as they were filed")
    return not told


def changed(before: Sample, after: Sample) -> str:
    """Describe a sample whose score changed."""
    was, now = (
        f"{s.value:g} ({s.score.extracted!r} by {s.score.rule!r})" if s.score else "no score"
        for s in (before, after)
    )
    return f"  {before.id}, epoch {before.epoch}: {was} -> {now}"
