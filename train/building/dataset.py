"""The built data: token ids with labels as an Arrow dataset, and the manifest beside it.

    built/train, built/holdout    Arrow (`datasets.save_to_disk`), the columns of COLUMNS
    built/tokenizer               the tokenizer with its tags and its chat template
    built/drops.jsonl             what is not taught: id, source, reason, detail
    built/built.json              the manifest: counts, drops by reason, hashes

The folder appears at once or not at all.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from files.whole import sync_all, write_whole
from train.errors import DataError
from train.run_folder import BUILT_MANIFEST, DROPS, TOKENIZER
from train.segments import Kind

FORMAT = 1
MASKED = -100  # the label of a token that is no target, torch's and TRL's ignore_index
KINDS = ("prompt", *(kind.value for kind in Kind))  # a token's kind is its index here
COLUMNS = ("id", "source", "copy", "input_ids", "labels", "kinds")
ROWS_AT_ONCE = 1000

Split = Literal["train", "holdout"]
SPLITS: tuple[Split, ...] = get_args(Split)


@dataclass(frozen=True, slots=True)
class Row:
    """One conversation as a model is taught it.

    copy: 1 for the second copy under the mask `prefix`, else 0
    input_ids: (length,) int32; labels: (length,) int32, the ids or MASKED, not shifted
    kinds: (length,) int8, indices into KINDS
    """

    id: str
    source: str
    copy: int
    input_ids: np.ndarray
    labels: np.ndarray
    kinds: np.ndarray

    def __len__(self) -> int:
        return len(self.input_ids)


@dataclass(frozen=True, slots=True)
class Built:
    """What `build` has left: two `datasets.Dataset`, the manifest, the tokenizer's folder."""

    train: Any
    holdout: Any
    manifest: Mapping[str, Any]
    tokenizer: Path


def load_built(folder: Path) -> Built:
    """Read the folder; raise DataError where nothing whole is there."""
    manifest = read_manifest(folder)
    if manifest is None:
        raise DataError(f"{folder} holds no built data: run `build` first")
    from datasets import load_from_disk

    train, holdout = (load_from_disk(str(folder / split)) for split in SPLITS)
    return Built(train, holdout, manifest, folder / TOKENIZER)


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return the manifest, or None where nothing was built."""
    try:
        manifest: dict[str, Any] = json.loads((folder / BUILT_MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise DataError(
            f"{folder / BUILT_MANIFEST} is not JSON ({error}): delete the folder"
        ) from error
    if manifest.get("format") != FORMAT:
        raise DataError(
            f"{folder / BUILT_MANIFEST}: not format {FORMAT}: delete {folder}, build again"
        )
    return manifest


def write_built(
    folder: Path,
    rows: Mapping[Split, Sequence[Row]],
    tokenizer: Any,
    drops: Iterable[Mapping[str, str]],
    manifest: Mapping[str, Any],
) -> None:
    """Write everything beside the folder, then put it in its place; what was there goes.

    A kill leaves the former folder, the new one or none, which building again mends.
    """
    beside = folder.with_name(f".{folder.name}")
    shutil.rmtree(beside, ignore_errors=True)
    for split in SPLITS:
        _to_arrow(rows[split]).save_to_disk(str(beside / split), num_shards=1)
    tokenizer.save_pretrained(beside / TOKENIZER)
    lines = (json.dumps(drop, ensure_ascii=False) + "\n" for drop in drops)
    write_whole(beside / DROPS, "".join(lines))
    text = json.dumps({"format": FORMAT, **manifest}, indent=1, sort_keys=True, ensure_ascii=False)
    write_whole(beside / BUILT_MANIFEST, text + "\n")
    sync_all(beside)
    shutil.rmtree(folder, ignore_errors=True)
    beside.replace(folder)


def hash_rows(rows: Iterable[Row]) -> str:
    """Hash all that is learned from; equal data have equal hashes on every machine."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(f"{row.id} {row.copy} {len(row)}\n".encode())
        for column in (row.input_ids, row.labels):
            digest.update(column.astype("<i4").tobytes())
    return digest.hexdigest()


def _to_arrow(rows: Sequence[Row]) -> Any:
    """Return a `datasets.Dataset`, made in pieces: nine bytes a token, no Python numbers."""
    import pyarrow as pa
    from datasets import Dataset, disable_progress_bars
    from datasets.table import InMemoryTable

    disable_progress_bars()
    types = (pa.string(), pa.string(), pa.int8(), *[pa.list_(pa.int32())] * 2, pa.list_(pa.int8()))
    schema = pa.schema(zip(COLUMNS, types, strict=True))
    batches = []
    for start in range(0, len(rows), ROWS_AT_ONCE):
        part = rows[start : start + ROWS_AT_ONCE]
        columns = [
            pa.array([getattr(row, field.name) for row in part], field.type) for field in schema
        ]
        batches.append(pa.RecordBatch.from_arrays(columns, schema=schema))
    table = InMemoryTable(pa.Table.from_batches(batches, schema))
    return Dataset(table, fingerprint=hash_rows(rows)[:16])
