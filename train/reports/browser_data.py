"""What the browser of samples reads: samples with their variants, as many as a page can hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from train.reports.recycled_row import RecycledRow
from train.sample import Sample

PER_KIND = 20  # samples that each kind of end shows at least, where there are so many


def chosen_rows(rows: Sequence[RecycledRow], most: int) -> list[RecycledRow]:
    """Return at most so many rows in their order: some of each kind of end, the rest by least id.

    An id is a hash, so that the least ids are a fair draw, the same in every report.
    """
    turns: dict[str, int] = {}
    seen = Counter[tuple[str, str, bool]]()
    for row in sorted(rows, key=lambda row: row.id):
        kind = (row.status, row.outcome, row.is_kept)
        turns[row.id] = min(seen[kind], PER_KIND)
        seen[kind] += 1
    wanted = {row.id for row in sorted(rows, key=lambda row: (turns[row.id], row.id))[:most]}
    return [row for row in rows if row.id in wanted]


def browser_data(rows: Sequence[RecycledRow]) -> list[dict[str, Any]]:
    """Return the samples; what says nothing is left out."""
    return [{name: value for name, value in _told(row).items() if value} for row in rows]


def _told(row: RecycledRow) -> Mapping[str, Any]:
    return {
        "id": row.id,
        "source": row.source,
        "split": row.split,
        "status": row.status,
        "outcome": row.outcome,
        "final": row.final,
        "kept": row.is_kept,
        "rank": row.rank,
        "reason": row.reason,
        "variants": {name: _texts(sample) for name, sample in row.variants.items()},
        "scores": {name: scores for name, scores in row.scores.items() if scores},
        "calls": row.calls,
        "decisions": row.decisions,
    }


def _texts(sample: Sample) -> tuple[str, str]:
    return sample.question, sample.response
