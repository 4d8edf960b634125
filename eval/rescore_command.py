"""Score a run's old replies with today's scorer, into a new folder beside the old one.

    reflect eval rescore runs/eval/20260101T120000Z/gsm8k/demo

The old run stays as it is, so that `eval compare OLD NEW` shows what the scorer changed.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
from pathlib import Path
from typing import Any

from eval.errors import RunError
from eval.measures.comparison import runs_below
from eval.running import account
from eval.running.digest import digest
from eval.running.manifest import PACKAGES, now
from eval.running.provenance import git_commit, scorer_identity, versions
from eval.running.rescoring import Rescored, rescore
from eval.running.run_folder import MANIFEST, SAMPLES, RunFolder
from eval.running.verification import figures
from eval.task import Task
from eval.tasks import catalogue
from eval.verify_command import NUM_SHOWN, add_scoring_arguments, changed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the runs and what scorers may need."""
    parser.add_argument("runs", type=Path, nargs="+", help="folders of runs, or above them")
    add_scoring_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Rescore each run."""
    for folder in [folder for path in args.runs for folder in to_rescore(path)]:
        task = catalogue.find(folder.manifest["task"])
        found = rescore(folder, task, args.workers, args.data)
        new = write_beside(folder, task, found)
        changes = list(found.changes())
        print("\n".join(account.lines(new.manifest, new.path)))
        print(f"  {len(changes)} of {len(found.now)} samples are scored otherwise than before")
        for change in changes[:NUM_SHOWN]:
            print(changed(*change))
    return 0


def to_rescore(path: Path) -> list[RunFolder]:
    """Return the runs that the path names; of those below it none that is a rescored one."""
    folders = runs_below(path)
    for folder in folders:
        if "digest" not in folder.manifest:
            raise RunError(f"{folder.path} has not ended: go on with it by eval run --resume")
    below = [folder for folder in folders if "rescored" not in folder.manifest]
    return below or folders


def write_beside(folder: RunFolder, task: Task, found: Rescored) -> RunFolder:
    """Write the rescored run into a folder that is not there yet: all of the old one but scores."""
    path = free_path(folder.path)
    shutil.copytree(folder.path, path, ignore=shutil.ignore_patterns(SAMPLES, MANIFEST, "*.lock"))
    with RunFolder(path) as new:
        for sample in found.now.values():
            new.append(sample)
        new.write_manifest(rescored_manifest(folder, task, found))
    return new


def free_path(path: Path) -> Path:
    """Return the first of PATH.rescored, PATH.rescored-2, … that is not there."""
    path = path.resolve()
    names = (f"{path.name}.rescored{f'-{n}' if n > 1 else ''}" for n in itertools.count(1))
    return next(free for name in names if not (free := path.with_name(name)).exists())


def rescored_manifest(folder: RunFolder, task: Task, found: Rescored) -> dict[str, Any]:
    """Return the old manifest with what today's scorer makes of the replies."""
    old, samples = folder.manifest, found.now.values()
    manifest = {
        **old,
        **figures(old, task, folder.questions(), samples),
        "digest": digest(samples),
        "git_commit": git_commit(),
        "rescored": {"from": old.get("digest"), "at": now()},
    }
    if task.scorer is not None:
        packages = {*PACKAGES, *task.packages, *task.scorer.packages}
        manifest |= {"scorer": scorer_identity(task.scorer), "versions": versions(packages)}
    return manifest
