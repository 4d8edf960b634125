"""Write runs as one HTML file: `reflect eval report RUN...` (folders of runs, or above them)."""

from __future__ import annotations

import argparse
from pathlib import Path

from eval.measures.comparison import runs_below
from eval.reports.material import read_material
from eval.reports.report import render
from eval.reports.sweep_section import SWEEP, read_sweep

NAME = "report.html"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the runs, the file, the title."""
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a run, or runs below it")
    parser.add_argument("--out", type=Path, help=f"the file (default: {NAME} in the first RUN)")
    parser.add_argument("--title", default="Evaluation report", help="(default: %(default)s)")


def run(args: argparse.Namespace) -> int:
    """Read the runs and write the file; others are compared with the baseline, else the first."""
    folders = list(
        {
            folder.path.resolve(): folder for path in args.runs for folder in runs_below(path)
        }.values()
    )
    sweeps = [read_sweep(file) for path in args.runs for file in sorted(path.rglob(SWEEP))]
    page = render(args.title, read_material(folders), sweeps)
    file = args.out or args.runs[0] / NAME
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(page)
    print(f"{file}: {len(folders)} runs, {_size(page)}")
    return 0


def _size(page: str) -> str:
    return f"{len(page.encode()) / 1e6:.1f} MB"
