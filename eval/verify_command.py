"""Score a run's replies again, from its folder alone, and compare the digest.

    reflect eval verify runs/eval/20260101T120000Z

Needs no model, no judge and no data set. Exit status: 0 the digest is the manifest's; 1 it is not.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from eval.errors import RunError
from eval.measures.comparison import runs_below
from eval.running.digest import digest
from eval.running.provenance import scorer_identity
from eval.running.rescoring import Rescored, rescore
from eval.running.run_folder import RunFolder
from eval.sample import Sample
from eval.task import Task
from eval.tasks import catalogue

NUM_SHOWN = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the runs and what scorers may need."""
    parser.add_argument("runs", type=Path, nargs="+", help="folders of runs, or above them")
    add_scoring_arguments(parser)


def add_scoring_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what scorers may need."""
    parser.add_argument(
        "--workers", type=int, metavar="N", help="scoring processes (default: cores, up to 8)"
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
    """Print whether the run's digest comes out again."""
    manifest = folder.manifest
    if "digest" not in manifest:
        raise RunError(f"{folder.path} has not ended: go on with it by eval run --resume")
    task = catalogue.find(manifest["task"])
    found = rescore(folder, task, workers, data)
    filed, now = digest(found.filed.values()), digest(found.now.values())
    is_same: bool = manifest["digest"] == filed == now
    print(f"{'same  ' if is_same else 'DIFFERS'} {folder.path}: {len(found.filed)} samples")
    for line in reasons(manifest, task, found, filed) if not is_same else ():
        print(f"  {line}")
    print(f"  digest {manifest['digest']}")
    if found.lacks_compat:
        print("  lm-eval is not installed here: its scores are taken as they were filed")
    return is_same


def reasons(manifest: dict[str, Any], task: Task, found: Rescored, filed: str) -> Iterator[str]:
    """Say what may have changed: the samples, the scorer, packages, single scores."""
    if manifest["digest"] != filed:
        yield f"the samples in the folder are not those of the manifest: their digest is {filed}"
    if task.scorer is not None:
        today = scorer_identity(task.scorer)
        for name, was in manifest.get("scorer", {}).items():
            if was != today[name]:
                yield f"the scorer's {name} was {was} and is {today[name]} here"
    changes = list(found.changes())
    if changes:
        yield f"{len(changes)} samples are scored otherwise now (`eval rescore` keeps both):"
    yield from (changed(before, after) for before, after in islice(changes, NUM_SHOWN))


def changed(before: Sample, after: Sample) -> str:
    """Describe a sample whose score changed."""
    was, now = (
        f"{s.value:g} ({s.score.extracted!r} by {s.score.rule!r})" if s.score else "no score"
        for s in (before, after)
    )
    return f"  {before.id}, epoch {before.epoch}: {was} -> {now}"
