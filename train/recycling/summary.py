"""recycled.json: the counts of a run's recycled samples, its cost, and what all of it came from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from files.whole import write_whole
from train.config import Config
from train.model_hash import hash_model
from train.recycling.prompts import INSTRUCTION, RESPONSE, SYSTEM, text
from train.recycling.results import Results
from train.run_folder import RECYCLED, RECYCLED_MANIFEST

FORMAT = 1


def inputs(config: Config, manifest: dict[str, Any], model: str) -> dict[str, Any]:
    """Return all that recycled.jsonl depends on, the teacher's replies left out."""
    teacher = asdict(config.teacher)
    given = {
        "samples_sha256": manifest["samples_sha256"],
        "teacher": {
            "model": model,
            **{name: teacher[name] for name in ("temperatures", "top_p", "max_tokens", "fields")},
        },
        "recycle": asdict(config.recycle),
        "score": _student(config) if config.recycle.method == "selective" else None,
        "prompts": {
            name: hashlib.sha256(text(name).encode()).hexdigest()
            for name in (SYSTEM, INSTRUCTION, RESPONSE)
        },
    }
    as_json: dict[str, Any] = json.loads(json.dumps(given))
    return as_json


def _student(config: Config) -> dict[str, Any]:
    """Return the student's settings and its hash: another one may lie in the same folder now."""
    model = config.score.model
    return asdict(config.score) | {"model_sha256": hash_model(model) if model else ""}


def done(folder: Path, given: dict[str, Any]) -> dict[str, Any] | None:
    """Return the summary of the folder, if the same inputs gave it and nothing is left to ask."""
    file = folder / RECYCLED_MANIFEST
    if not file.exists() or not (folder / RECYCLED).exists():
        return None
    known: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    is_same = known.get("format") == FORMAT and known["inputs"] == given
    return known if is_same and known["num_passing"] == 0 else None


def write_summary(
    config: Config, given: dict[str, Any], results: Results, teacher: dict[str, Any]
) -> dict[str, Any]:
    """Write recycled.jsonl and recycled.json, and return the latter; teacher: what it cost."""
    file = config.run.dir / RECYCLED_MANIFEST
    file.unlink(missing_ok=True)  # it never tells of other lines than those beside it
    summary = {
        "format": FORMAT,
        "config_sha256": config.sha256,
        "inputs": given,
        **results.write(),
        "num_passing": results.num_passing,
        "num_skipped": results.num_skipped,
        "teacher": teacher,
    }
    write_whole(file, json.dumps(summary, indent=1, sort_keys=True))
    return summary
