"""Report: runs as one HTML file that asks nothing of any network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eval.reports.browser_data import browser_data
from eval.reports.material import Material
from eval.reports.recompute import command, facts
from eval.reports.sweep_section import sweep_section
from eval.reports.task_section import task_section
from pages.page import render_page, script_json


def render(title: str, runs: Sequence[Material], sweeps: Sequence[Mapping[str, Any]] = ()) -> str:
    """Return the page."""
    data = browser_data(runs)
    return render_page(
        "eval.reports",
        title=title,
        tasks=_sections(runs),
        sweeps=[sweep_section(sweep, number) for number, sweep in enumerate(sweeps)],
        runs=[_provenance(run) for run in runs],
        models=list(dict.fromkeys(str(run.manifest["model"]) for run in runs)),
        dates=_dates(runs),
        num_samples=sum(len(run.samples) for run in runs),
        sets={key: script_json(asked) for key, asked in data["sets"].items()},
        samples=[(run, script_json(run)) for run in data["runs"]],
    )


def _sections(runs: Sequence[Material]) -> list[dict[str, Any]]:
    by_task: dict[str, list[Material]] = {}
    for run in runs:
        by_task.setdefault(run.task, []).append(run)
    return [task_section(task, _baseline_first(ones)) for task, ones in by_task.items()]


def _baseline_first(runs: Sequence[Material]) -> list[Material]:
    """Put what others are compared with first: what was run as a baseline, else the first."""
    return sorted(runs, key=lambda run: not run.manifest.get("is_baseline", False))


def _provenance(run: Material) -> dict[str, Any]:
    return {
        "name": run.name,
        "task": run.task,
        "command": command(run.manifest),
        "facts": list(facts(run.manifest)),
    }


def _dates(runs: Sequence[Material]) -> str:
    days = sorted(str(run.manifest.get("started", ""))[:10] for run in runs)
    return days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
