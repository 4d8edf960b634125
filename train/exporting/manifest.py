"""The papers beside the weights: what a bundle was made of, by what, and under which licences."""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from files.hashes import file_sha256
from files.whole import write_whole
from train.config import Config
from train.errors import DataError
from train.exporting.resolved import to_toml
from train.exporting.tuned import Tuned
from train.fine_tuning.identity import hash_base
from train.model_hash import model_files
from train.run_folder import (
    BUILT,
    BUILT_MANIFEST,
    BUNDLE_MANIFEST,
    DATA,
    RECYCLED_MANIFEST,
    TUNING,
    TUNING_MANIFEST,
)

RESOLVED, DATA_MANIFEST = "resolved_config.toml", "data_manifest.json"
FORMAT = 1
STAGES = {  # the manifests that the stages leave in a run's folder
    "data": DATA,
    "recycle": RECYCLED_MANIFEST,
    "build": f"{BUILT}/{BUILT_MANIFEST}",
    "sft": f"{TUNING}/{TUNING_MANIFEST}",
}


def inputs(config: Config, tuned: Tuned) -> dict[str, Any]:
    """Return the hashes of all that a bundle is made of; equal ones make equal bundles."""
    stages = [config.run.dir / name for name in STAGES.values()]
    files = {
        "tuned": [*model_files(tuned.folder)],
        "run": stages,
        "licence": [*tuned.licences, *config.export.licences],
    }
    found = {
        f"{kind}/{file.name}": file_sha256(file)
        for kind, those in files.items()
        for file in those
        if file.is_file()
    }
    base = hash_base(tuned.sft.model) if tuned.is_adapter else None
    return {"config": config.sha256, "base": base, "files": dict(sorted(found.items()))}


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of a whole bundle, None where there is none."""
    try:
        manifest: dict[str, Any] = json.loads((folder / BUNDLE_MANIFEST).read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    sizes = {name: file["size_bytes"] for name, file in manifest["files"].items()}
    is_whole = all(
        (folder / n).is_file() and (folder / n).stat().st_size == s for n, s in sizes.items()
    )
    return manifest if is_whole else None


def attach(config: Config, tuned: Tuned, folder: Path) -> None:
    """Lay the configuration, the stages' manifests and the licences beside the weights."""
    write_whole(folder / RESOLVED, to_toml(config.to_dict()))
    stages = {
        stage: json.loads((config.run.dir / name).read_text("utf-8"))
        for stage, name in STAGES.items()
        if (config.run.dir / name).is_file()
    }
    write_whole(folder / DATA_MANIFEST, to_json(stages))
    for file in (*tuned.licences, *config.export.licences):
        if not file.is_file():
            raise DataError(f"export.licences names {file}, which is no file")
        shutil.copyfile(file, folder / file.name)


def describe(folder: Path) -> dict[str, Any]:
    """Return size and hash of every file of a folder, and what wrote them."""
    files = sorted(file for file in folder.iterdir() if file.is_file())
    return {
        "files": {
            file.name: {"size_bytes": file.stat().st_size, "sha256": file_sha256(file)}
            for file in files
        },
        "made_with": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "transformers", "tokenizers")},
        },
    }


def to_json(document: Mapping[str, Any]) -> str:
    """Write the document so that equal ones are equal bytes."""
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
