"""Finish: measure a trained model, compare it with its baseline, write bundle and manifest."""

from __future__ import annotations

import json
import logging
import platform
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from decoding.bundle import Bundle
from files.hashes import file_sha256
from files.whole import write_whole
from problems.families import draw
from train.small.evaluation import MAX_TOKENS, SEED, SETS, Verdict, answer, figures
from train.small.export import FILES, export_bundle
from train.small.intervals import Share, pair
from train.small.recipe import Recipe
from train.small.tuning import Tuning

logger = logging.getLogger(__name__)

VERDICTS = "verdicts.json"
MANIFEST = "manifest.json"


def finish(
    tuning: Tuning, folder: Path, out: Path | None, baseline: Path | None, command: str
) -> None:
    """Measure the model into `folder`; with `out`, write the bundle and its manifest there."""
    measured = measure(tuning)
    record = {
        "recipe": tuning.recipe.to_dict(),
        "training": asdict(tuning.progress),
        "figures": {name: figures(verdicts) for name, verdicts in measured.items()},
        "right": {name: [v.is_right for v in verdicts] for name, verdicts in measured.items()},
        "cores": {name: [v.problem.core for v in verdicts] for name, verdicts in measured.items()},
    }
    write_json(folder / VERDICTS, record)
    for name, found in record["figures"].items():
        logger.info("%s: right %s", name, Share(**found["right"]))
    if out is None:
        return
    (out / MANIFEST).unlink(missing_ok=True)  # the former bundle's, should the export be cut short
    bundle = export_bundle(tuning.model, tuning.tokenizer, tuning.recipe, out)
    former = read_baseline(baseline, tuning.recipe)
    if former is None:
        logger.warning(
            "no finished --thinking-only run of this recipe in %s: the manifest compares with none",
            baseline,
        )
    write_json(out / MANIFEST, manifest(tuning, bundle, record, former, command))
    logger.info("the bundle is in %s", out)


def measure(tuning: Tuning) -> dict[str, list[Verdict]]:
    """Let the model answer every set of problems."""
    recipe, found = tuning.recipe, {}
    for family, split in SETS:
        logger.info("measuring %s, %s: %d problems", family, split.value, recipe.num_problems)
        problems = draw(family, split, recipe.num_problems, SEED)
        verdicts = answer(tuning.model, tuning.tokenizer, problems, recipe.temperature)
        found[f"{family}, {split.value}"] = verdicts
    return found


def read_baseline(folder: Path | None, recipe: Recipe) -> dict[str, Any] | None:
    """Return the record of a finished thinking-only run of the same recipe, None without one."""
    if folder is None or not (folder / VERDICTS).is_file():
        return None
    record: dict[str, Any] = json.loads((folder / VERDICTS).read_text("utf-8"))
    return record if record["recipe"] == recipe.thinking_only().to_dict() else None


def manifest(
    tuning: Tuning,
    bundle: Bundle,
    record: dict[str, Any],
    baseline: dict[str, Any] | None,
    command: str,
) -> dict[str, Any]:
    """Return what the bundle is, how it was made, and what was measured."""
    found = {
        "command": command,
        "recipe": record["recipe"],
        "num_parameters": sum(p.numel() for p in tuning.model.parameters()),
        "training": record["training"],
        "made_with": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "transformers", "tokenizers")},
        },
        "files": {
            name: {
                "size_bytes": (bundle.folder / name).stat().st_size,
                "sha256": file_sha256(bundle.folder / name),
            }
            for name in FILES
        },
        "evaluation": {
            "seed": SEED,
            "temperature": bundle.temperature,
            "top_p": bundle.top_p,
            "max_tokens": MAX_TOKENS,
            "enforced": False,
            "intervals": "95 %, Wilson, clustered by what is asked in whatever words",
            "figures": record["figures"],
        },
    }
    if baseline is not None:
        found["thinking_only"] = {
            "training": baseline["training"],
            "figures": baseline["figures"],
            "reflecting_minus_thinking_only": {
                name: pair(right, baseline["right"][name], record["cores"][name]).to_dict()
                for name, right in record["right"].items()
            },
        }
    return found


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write the document so that a crash leaves the former file."""
    write_whole(path, json.dumps(document, indent=1) + "\n", is_synced=True)
