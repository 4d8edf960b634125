"""Write a run as one HTML file that needs no network: `python -m train report -c run.toml`."""

from __future__ import annotations

import argparse
from pathlib import Path

from files.whole import write_whole
from train.config import Config, add_config_arguments, read_config
from train.reports.coherence import student, tfidf
from train.reports.data_section import Coherence
from train.reports.lengths import open_lengths
from train.reports.material import read_material
from train.reports.report import MAX_SAMPLES, render
from train.run_folder import REPORT


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the run, the file, what is measured and shown."""
    add_config_arguments(parser)
    parser.add_argument(
        "--out", type=Path, help=f"the file (default: {REPORT} in the run's folder)"
    )
    parser.add_argument(
        "--coherence",
        choices=("tfidf", "student", "off"),
        default="tfidf",
        help="of question and response: by the words that both use, by the hidden states of "
        "score.model, or not at all (default: %(default)s)",
    )
    parser.add_argument(
        "--samples",
        type=int,
        default=MAX_SAMPLES,
        metavar="N",
        help="samples to read in the page, some of each kind (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Read what there is of the run and write the file."""
    config = read_config(arguments)
    material = read_material(config)
    coherence, told = _coherence(arguments.coherence, config)
    page = render(
        material,
        open_lengths(config),
        coherence,
        coherence_by=told,
        max_samples=max(0, arguments.samples),
        config_file=str(arguments.config),
        changes=arguments.changes,
    )
    file = arguments.out or config.run.dir / REPORT
    write_whole(file, page)
    print(f"{file}: {len(material.rows):,} samples, {len(page.encode()) / 1e6:.1f} MB")
    return 0


def _coherence(name: str, config: Config) -> tuple[Coherence | None, str]:
    """Return the measure and what it is, in words."""
    if name == "off":
        return None, ""
    if name == "tfidf":
        return tfidf, "the cosine of TF-IDF vectors of question and response"
    words = f"the cosine of the mean last hidden states of {config.score.model}"
    return student(config.score.model, config.score.max_length), words
