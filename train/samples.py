"""The samples that a run starts from: `samples.jsonl` and `data.json` in its folder."""

from __future__ import annotations

import hashlib
import heapq
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from files.hashes import file_sha256
from files.whole import open_whole, write_whole
from train.errors import DataError
from train.run_folder import DATA, SAMPLES
from train.sample import Sample
from train.settings import Data, Run, Source
from train.sources import SETTING, read_rows

FORMAT = 1
Split = Literal["train", "holdout"]
UNTOLD = {"source", "rows", "samples", "unusable"}  # of the counts: the reasons tell more


@dataclass(frozen=True, slots=True)
class Seed:
    """A sample as it was read, and whether it is kept out of training."""

    id: str
    sample: Sample
    split: Split


def prepare_samples(run: Run, data: Data) -> dict[str, Any]:
    """Write the run's samples, unless they are there, and return the manifest, `data.json`.

    The same sample twice, in one file or in two, is one; the first counts.
    """
    if not data.sources:
        raise DataError("there is nothing to start from: [data] wants sources")
    inputs = _inputs(run, data)
    manifest = _known(run.dir)
    if manifest is None or manifest["inputs"] != inputs:
        (run.dir / DATA).unlink(missing_ok=True)  # between the two writes there is none
        manifest = _write(run, data) | {"format": FORMAT, "inputs": inputs}
        write_whole(run.dir / DATA, json.dumps(manifest, indent=1, sort_keys=True))
    return manifest


def read_seeds(folder: Path) -> Iterator[Seed]:
    """Yield the samples of a run folder, in the order of the files that they came from."""
    file = folder / SAMPLES
    if not file.exists():
        raise DataError(f"{folder} has no {SAMPLES}: `reflect train recycle` writes it")
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            sample = Sample(row["instruction"], row["response"], row["input"], row["source"])
            yield Seed(row["id"], sample, row["split"])


def read_samples(source: Source) -> tuple[dict[str, Sample], dict[str, Any]]:
    """Return a file's samples by id, of equal ones the first, and the counts of its rows."""
    counted, samples = Counter[str](), dict[str, Sample]()
    for name, sample in _counted(source, counted):
        counted["duplicates" if name in samples else "samples"] += 1
        samples.setdefault(name, sample)
    return samples, dict(counted) | {"source": source.path.name}


def told_counts(counted: Mapping[str, Any]) -> str:
    """Say how many samples a file gave, and what became of its other rows."""
    others = [f"{num:,} {name}" for name, num in counted.items() if name not in UNTOLD and num]
    apart = f" ({', '.join(others)})" if others else ""
    return f"{counted['source']}: {counted.get('samples', 0):,} samples{apart}"


def _inputs(run: Run, data: Data) -> dict[str, Any]:
    sources = [
        asdict(source) | {"path": str(source.path), "sha256": _sha256(source.path)}
        for source in data.sources
    ]
    return {"sources": sources, "holdout": data.holdout, "seed": run.seed}


def _sha256(source: Path) -> str:
    try:
        return file_sha256(source)
    except FileNotFoundError as error:
        raise DataError(f"there is no file {source}: {SETTING} names it") from error


def _known(folder: Path) -> dict[str, Any] | None:
    file = folder / DATA
    if not file.exists() or not (folder / SAMPLES).exists():
        return None
    manifest: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return manifest if manifest.get("format") == FORMAT else None


def _write(run: Run, data: Data) -> dict[str, Any]:
    """Write the samples and return what there is to say of them."""
    counts = [Counter[str]() for _ in data.sources]
    splits, known, sha256 = Counter[Split](), set[str](), hashlib.sha256()
    with open_whole(run.dir / SAMPLES) as file:
        for source, counted in zip(data.sources, counts, strict=True):
            for name, sample in _limited(source, counted):
                if name in known:
                    counted["duplicates"] += 1
                    continue
                known.add(name)
                counted["samples"] += 1
                split = _split(name, run.seed, data.holdout)
                splits[split] += 1
                line = _line(Seed(name, sample, split))
                sha256.update(line)
                file.write(line)
    if not known:
        raise DataError("the sources hold no sample at all")
    return {
        "counts": [
            dict(counted) | {"source": source.path.name}
            for source, counted in zip(data.sources, counts, strict=True)
        ],
        "num_samples": len(known),
        "num_holdout": splits["holdout"],
        "samples_sha256": sha256.hexdigest(),
    }


def _limited(source: Source, counted: Counter[str]) -> Iterator[tuple[str, Sample]]:
    """Yield the usable rows with their ids; of a limited source those of the least ids."""
    rows = _counted(source, counted)
    if not source.limit:
        return rows
    distinct: dict[str, Sample] = {}
    for name, sample in rows:
        distinct.setdefault(name, sample)
    counted["duplicates"] += counted["rows"] - len(distinct) - counted["unusable"]
    chosen = heapq.nsmallest(source.limit, distinct)
    counted["over the limit"] += len(distinct) - len(chosen)
    return ((name, distinct[name]) for name in chosen)


def _counted(source: Source, counted: Counter[str]) -> Iterator[tuple[str, Sample]]:
    for row in read_rows(source):
        counted["rows"] += 1
        if isinstance(row, str):
            counted["unusable"] += 1
            counted[f"unusable: {row}"] += 1
        else:
            yield row.id, row


def _split(name: str, seed: int, holdout: float) -> Split:
    """Draw the split from id and seed alone, so that it outlives a change of the other samples."""
    drawn = int.from_bytes(hashlib.sha256(f"holdout:{seed}:{name}".encode()).digest()[:8])
    return "holdout" if drawn < holdout * 2**64 else "train"


def _line(seed: Seed) -> bytes:
    sample = seed.sample
    row = {
        "id": seed.id,
        "instruction": sample.instruction,
        "input": sample.input,
        "response": sample.response,
        "source": sample.source,
        "split": seed.split,
    }
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"
