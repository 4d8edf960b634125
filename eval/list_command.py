"""List the tasks: what they are, how many few-shot examples they show, where their data come from.

reflect eval list --data DATA
"""

from __future__ import annotations

import argparse
from pathlib import Path

from eval.dataset import find
from eval.errors import DataError, EvalError
from eval.task import Generated, Task
from eval.tasks import catalogue


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare where to look for data."""
    parser.add_argument(
        "--data", type=Path, metavar="PATH", help="the folder of data sets (default: none)"
    )


def run(args: argparse.Namespace) -> int:
    """Print three columns: name, what it is, its data."""
    if args.data and not args.data.is_dir():
        raise EvalError(f"a folder of data sets was expected, not {args.data}")
    tasks = [catalogue.find(name) for name in catalogue.CATALOGUE]
    widths = [max(len(cell) for cell in column) for column in zip(*map(cells, tasks), strict=True)]
    for task in tasks:
        told = (cell.ljust(width) for cell, width in zip(cells(task), widths, strict=True))
        print("  ".join([*told, where(task, args.data)]))
    return 0


def cells(task: Task) -> tuple[str, str, str]:
    """Return name, what it is, and how it is asked or judged."""
    how = f"{task.few_shot}-shot" if task.few_shot else "judged" if task.judging else "0-shot"
    return task.name, task.about, how


def where(task: Task, data: Path | None) -> str:
    """Say where the questions are, and whether they are there."""
    if isinstance(task.rows, Generated):
        return f"generated: {task.rows.n}, seed {task.rows.seed}"
    public = f"by name: {task.rows.hub.path}" if task.rows.hub else "no public name"
    files = " or ".join(f"{task.rows.folder}/{name}" for name in task.rows.files)
    if data is None:
        return f"{files}, {public}"
    try:
        return f"{find(task.rows, data).relative_to(data)}, found"
    except DataError:
        return f"{files}, NOT in {data}; {public}"
