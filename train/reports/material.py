"""Material: a run folder as a report reads it, all of it in memory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from train.config import Config
from train.errors import DataError
from train.fine_tuning.steps import read_curves
from train.reports.recycled_row import RecycledRow
from train.run_folder import (
    BUILT,
    BUILT_MANIFEST,
    DATA,
    RECYCLED,
    RECYCLED_MANIFEST,
    SCORED,
    TUNING,
    TUNING_MANIFEST,
)

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Material:
    """One run; a manifest is None where its stage has not ended yet.

    rows_sha256: of `recycled.jsonl` as it was read, "" where there is none
    scored: the manifest of `score`
    curves: the figures of tuning's steps, in order
    """

    config: Config
    data: Manifest | None
    recycled: Manifest | None
    rows: Sequence[RecycledRow]
    rows_sha256: str
    scored: Manifest | None
    built: Manifest | None
    sft: Manifest | None
    curves: Sequence[Mapping[str, float]]


def read_material(config: Config) -> Material:
    """Read what there is of the run; raise DataError where there is nothing, or it is broken."""
    folder = config.run.dir
    rows, sha256 = _read_rows(folder / RECYCLED)
    recycled = _read_manifest(folder / RECYCLED_MANIFEST)
    scored = _read_manifest(folder / f"{SCORED}.json")
    if recycled and scored and _is_one_student(recycled, scored):
        rows = _with_scores(rows, folder / f"{SCORED}.jsonl")
    material = Material(
        config=config,
        data=_read_manifest(folder / DATA),
        recycled=recycled,
        rows=rows,
        rows_sha256=sha256,
        scored=scored,
        built=_read_manifest(folder / BUILT / BUILT_MANIFEST),
        sft=_read_manifest(folder / TUNING / TUNING_MANIFEST),
        curves=read_curves(folder / TUNING),
    )
    if not any((material.data, material.rows, material.built, material.sft, material.curves)):
        raise DataError(f"{folder} holds nothing of a run yet: run a stage first")
    return material


def _read_manifest(file: Path) -> Manifest | None:
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise DataError(f"{file}: not JSON ({error})") from error
    if not isinstance(manifest, dict):
        raise DataError(f"{file}: a JSON object was expected")
    return manifest


def _read_rows(file: Path) -> tuple[list[RecycledRow], str]:
    rows, digest = [], hashlib.sha256()
    if not file.exists():
        return [], ""
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            digest.update(line)
            try:
                rows.append(RecycledRow.from_dict(json.loads(line)))
            except (ValueError, TypeError, KeyError) as error:
                what = f"lacks {error}" if isinstance(error, KeyError) else str(error)
                raise DataError(f"{file}, line {number}: {what}") from error
    return rows, digest.hexdigest()


def _is_one_student(recycled: Manifest, scored: Manifest) -> bool:
    """Whether the scores of both stages are on one scale."""
    asked, scorer = recycled["inputs"]["score"], scored["inputs"]["scorer"]
    return all(asked.get(name) == value for name, value in scorer.items())


def _with_scores(rows: Sequence[RecycledRow], file: Path) -> list[RecycledRow]:
    """Add what `score` knows of the originals; recycling scores no more than its choices need."""
    from train.scoring.scored import read_scored

    known = {one.id: one for one in read_scored(file)}
    return [row.with_original(known[row.id]) if row.id in known else row for row in rows]
