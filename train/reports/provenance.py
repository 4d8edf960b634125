"""Where a report's figures come from: the configuration, the hashes, the commands."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from train.reports.flat_rows import Row, flat_rows
from train.reports.material import Manifest, Material
from train.run_folder import (
    BUILT_MANIFEST,
    BUNDLE,
    BUNDLE_MANIFEST,
    DATA,
    RECYCLED_MANIFEST,
    SCORED,
    TUNING_MANIFEST,
)

SECTIONS = ("run", "data", "teacher", "recycle", "score", "build", "sft", "export")


def provenance(material: Material, file: str, changes: Sequence[str]) -> dict[str, Any]:
    """Return what the template shows; changes: of the configuration, from the command line."""
    config = material.config.to_dict()
    arguments = shlex.join(["-c", file, *changes])
    return {
        "commands": "\n".join(f"reflect train {stage} {arguments}" for stage in _stages(material)),
        "config": {name: list(flat_rows(config[name])) for name in SECTIONS},
        "hashes": list(_hashes(material)),
    }


def _stages(material: Material) -> list[str]:
    """Return the stages that have left something, and what follows them."""
    done = {
        "recycle": material.recycled,
        "score": material.scored,
        "build": material.built,
        "sft": material.sft,
    }
    stages = [stage for stage, manifest in done.items() if manifest is not None]
    is_exported = (material.config.run.dir / BUNDLE / BUNDLE_MANIFEST).is_file()
    return [*stages, *(["export"] if is_exported else []), "report"]


def _hashes(material: Material) -> Iterator[Row]:
    yield "configuration, now", material.config.sha256
    manifests = {
        DATA: material.data,
        RECYCLED_MANIFEST: material.recycled,
        f"{SCORED}.json": material.scored,
        BUILT_MANIFEST: material.built,
        TUNING_MANIFEST: material.sft,
    }
    for name, manifest in manifests.items():
        if manifest is not None:
            yield from _hashes_of(manifest, name)


def _hashes_of(manifest: Manifest, name: str) -> Iterator[Row]:
    for path, value in flat_rows(manifest):
        if path.endswith(("sha256", "hash")):
            yield f"{name}: {path}", value
