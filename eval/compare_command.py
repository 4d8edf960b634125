"""Compare two runs, or two sets of runs, on the same questions: `reflect eval compare A B`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from eval.measures.comparison import Comparison, compare_sets
from eval.reports.scale import p_value, scale_of
from eval.reports.text_table import text_table

HEADER = ("task", "n", "A", "B", "B - A, points", "b", "c", "p", "shown from")
LEGEND = """
b: questions that only A has right (or better); c: only B. p: exact McNemar (random signs of the
differences where scores are not right or wrong). shown from: the least true difference that n
questions show with 80 % power at alpha 0.05, given how often A and B differ.""".strip()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add two folders and the form of the output."""
    parser.add_argument("first", type=Path, metavar="A", help="a run, or a folder of runs")
    parser.add_argument("second", type=Path, metavar="B", help="another, on the same questions")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print the comparison; runs that are not comparable are refused (RunError)."""
    comparisons = compare_sets(args.first, args.second)
    if args.json:
        print(json.dumps([one.to_dict() for one in comparisons], indent=1))
    else:
        print(text(comparisons))
    return 0


def text(comparisons: Sequence[Comparison]) -> str:
    """Return the table, what it means, and what else differed between the runs."""
    several = len(comparisons) > 1
    header = (*HEADER[:-1], "Holm p", HEADER[-1]) if several else HEADER
    parts = [_models(comparisons), text_table(header, [_row(o, several) for o in comparisons])]
    parts += [line for one in comparisons for line in _treatment(one)]
    return "\n\n".join([*parts, LEGEND])


def _models(comparisons: Sequence[Comparison]) -> str:
    firsts, seconds = ({getattr(o, side) for o in comparisons} for side in ("first", "second"))
    return f"A: {', '.join(sorted(firsts))}\nB: {', '.join(sorted(seconds))}"


def _row(one: Comparison, several: bool) -> list[str]:
    paired = one.paired
    change, scale = paired.difference.to_dict(), scale_of(one.task)
    return [
        one.task,
        str(paired.n),
        scale.number(paired.first),
        scale.number(paired.second),
        f"{scale.signed(change['value'])} {scale.bounds(change, is_signed=True)}",
        str(paired.b),
        str(paired.c),
        p_value(paired.p),
        *([p_value(one.adjusted_p)] if several else []),
        scale.number(paired.smallest),
    ]


def _treatment(one: Comparison) -> list[str]:
    if not one.treatment:
        return []
    changes = (f"{name} {a!r} -> {b!r}" for name, (a, b) in one.treatment.items())
    return [f"{one.task}: the treatment differs: {'; '.join(changes)}"]
