"""Where a report's figures come from: the configuration, the hashes, the commands."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from train.reports.flat_rows import Row, flat_rows
from train.reports.material import Manifest, Material

STAGES = ("recycle", "build", "sft", "export")
SECTIONS = ("run", "data", "teacher", "recycle", "score", "build", "sft", "export")


def provenance(material: Material, file: str) -> dict[str, Any]:
    """Return what the template shows."""
    config = material.config.to_dict()
    return {
        "commands": "\n".join(f"reflect train {stage} -c {shlex.quote(file)}" for stage in STAGES),
        "config": {name: list(flat_rows(config[name])) for name in SECTIONS},
        "hashes": list(_hashes(material)),
    }


def _hashes(material: Material) -> Iterator[Row]:
    yield "configuration, now", material.config.sha256
    manifests = {
        "data.json": material.data,
        "recycled.json": material.recycled,
        "built.json": material.built,
        "sft.json": material.sft,
    }
    for name, manifest in manifests.items():
        if manifest is not None:
            yield from _hashes_of(manifest, name)


def _hashes_of(manifest: Manifest, name: str) -> Iterator[Row]:
    for path, value in flat_rows(manifest):
        if path.endswith(("sha256", "hash")):
            yield f"{name}: {path}", value
