"""Steps: what a run of tuning has told of itself in `curves.jsonl`, step by step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from files.journal import Journal
from train.run_folder import CURVES


def read_curves(folder: Path) -> list[dict[str, float]]:
    """Return the figures of each step, in order; of a step told twice, after a kill, the last."""
    steps: dict[int, dict[str, float]] = {}
    for line in Journal(folder / CURVES):
        steps.setdefault(line["step"], {}).update(line)
    return [steps[step] for step in sorted(steps)]


def last_losses(steps: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Return what was told last of each loss, in the order of their names."""
    found = {name: value for step in steps for name, value in step.items()}
    return {name: found[name] for name in sorted(found) if "loss" in name and "share" not in name}
