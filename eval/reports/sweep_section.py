"""What a report says of a sweep: its curve and its table, read from sweep.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from estimates.proportions import Interval
from eval.errors import RunError
from eval.reports.budget_plot import Point, budget_plot
from eval.reports.scale import p_value, scale_of

SWEEP = "sweep.json"


def read_sweep(file: Path) -> dict[str, Any]:
    """Read a sweep; RunError where the file is something else."""
    try:
        sweep = json.loads(file.read_text())
    except ValueError as error:
        raise RunError(f"{file} is not JSON ({error})") from error
    if not isinstance(sweep, dict) or sweep.get("format") != 1 or not sweep.get("points"):
        raise RunError(f"{file}: a sweep of format 1 was expected")
    return sweep


def points_of(sweep: Mapping[str, Any]) -> list[Point]:
    """Return the points that can be drawn: those whose tokens the endpoint told."""
    return [
        Point(point["label"], Interval.from_dict(point["score"]), point["thinking"]["mean"])
        for point in sweep["points"]
        if isinstance(point["thinking"], Mapping)
    ]


def sweep_section(sweep: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return what the template shows of a sweep."""
    scale = scale_of(sweep["task"])
    points = points_of(sweep)
    plot = budget_plot({sweep["model"]: points}, scale, f"sweep-{number}") if points else ""
    return {
        "task": sweep["task"],
        "model": sweep["model"],
        "unit": scale.unit,
        "plot": plot,
        "rows": [row(point, sweep["task"]) for point in sweep["points"]],
    }


def row(point: Mapping[str, Any], task: str) -> dict[str, str]:
    """Return a point of a sweep as the cells of a table."""
    scale, thinking, paired = scale_of(task), point["thinking"], point.get("paired")
    is_told = isinstance(thinking, Mapping)
    change = paired["difference"] if paired else {}
    return {
        "label": point["label"],
        "score": scale.number(point["score"]["value"]),
        "bounds": scale.bounds(point["score"]),
        "n": f"{point['score']['n']:,}",
        "thinking": f"{thinking['mean']:,.1f}" if is_told else "–",
        "p95": f"{thinking['p95']:,.0f}" if is_told else "–",
        "difference": scale.signed(change.get("value")) if paired else "",
        "change": scale.bounds(change, is_signed=True),
        "p": p_value(paired["adjusted_p"]) if paired else "",
    }
