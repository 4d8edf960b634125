"""Scored samples: `scored.jsonl`, a line a sample in the order of the samples, and its manifest."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from files.hashes import file_sha256
from files.whole import open_whole, write_whole
from train.errors import DataError
from train.scoring.loading import Identity
from train.scoring.ratios import ratio
from train.scoring.shards import Work, targets_of
from train.scoring.target import Likelihood, Status
from train.scoring.templates import make_template

FORMAT = 1
QUANTITIES = ("y|x", "y", "x|y", "x")


@dataclass(frozen=True, slots=True)
class Scored:
    """One sample's scores; a ratio is None where one of its two likelihoods has no number.

    status: ok where all four likelihoods are, else that of the first which is not
    """

    id: str
    likelihoods: tuple[Likelihood, ...]

    @property
    def ifd(self) -> float | None:
        return ratio(*self.likelihoods[:2])

    @property
    def rifd(self) -> float | None:
        return ratio(*self.likelihoods[2:])

    @property
    def status(self) -> Status:
        return next((one.status for one in self.likelihoods if one.status != "ok"), "ok")

    def to_dict(self) -> dict[str, Any]:
        told = {"id": self.id, "status": self.status, "ifd": self.ifd, "rifd": self.rifd}
        likelihoods = zip(QUANTITIES, self.likelihoods, strict=True)
        return told | {name: asdict(likelihood) for name, likelihood in likelihoods}

    @classmethod
    def of(cls, row: dict[str, Any]) -> Scored:
        """Return what `to_dict` told."""
        return cls(row["id"], tuple(Likelihood(**row[name]) for name in QUANTITIES))


def collect(work: Work, identity: Identity) -> list[Scored]:
    """Return the samples in their order from the journals of all shards; DataError if one lacks."""
    template = make_template(work.settings, identity.tokenizer)
    found: dict[str, Scored] = {}
    for number in range(work.settings.shards):
        scores = work.scores(number)
        for id, sample in work.shard(number):
            targets = targets_of(id, sample, template)
            held = [one for t in targets if (one := scores.find(t, identity.sha256)) is not None]
            if len(held) < len(targets):
                raise DataError(f"shard {number} lacks a score of sample {id}: score it again")
            found[id] = Scored(id, tuple(held))
    return [found[id] for id, _ in work.samples]


def write_scored(
    file: Path,
    scored: Sequence[Scored],
    inputs: dict[str, Any],
    counts: Mapping[str, Any] | None = None,
) -> None:
    """Write the lines, then the manifest beside them; the same samples give the same bytes.

    counts: of the rows of the file that the samples came from; of the run's they are in data.json
    """
    digest = hashlib.sha256()
    with open_whole(file) as opened:
        for one in scored:
            line = json.dumps(one.to_dict(), allow_nan=False).encode() + b"\n"
            digest.update(line)
            opened.write(line)
    manifest = {
        "format": FORMAT,
        "inputs": inputs,
        "num_samples": len(scored),
        "statuses": dict(Counter(one.status for one in scored)),
        **({"counts": dict(counts)} if counts else {}),
        "scored_sha256": digest.hexdigest(),
    }
    write_whole(file.with_suffix(".json"), json.dumps(manifest, indent=1, sort_keys=True))


def read_scored(file: Path) -> list[Scored]:
    """Read the lines again."""
    with file.open(encoding="utf-8") as lines:
        return [Scored.of(json.loads(line)) for line in lines]


def is_scored(file: Path, inputs: dict[str, Any]) -> bool:
    """Ask whether the file is whole and of these inputs."""
    beside = file.with_suffix(".json")
    if not (file.exists() and beside.exists()):
        return False
    manifest = json.loads(beside.read_text(encoding="utf-8"))
    if manifest.get("format") != FORMAT or manifest["inputs"] != inputs:
        return False
    return bool(manifest["scored_sha256"] == file_sha256(file))


def inputs_of(work: Work, identity: Identity) -> dict[str, Any]:
    """Return what the scores depend on, for the manifest."""
    ids = "\n".join(id for id, _ in work.samples)
    return {
        "samples_sha256": hashlib.sha256(ids.encode()).hexdigest(),
        "scorer": identity.to_dict(),
    }
