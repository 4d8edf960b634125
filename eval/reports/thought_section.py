"""What a report says of reflections: how many, how well formed, what they correct and spoil."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eval.reports import plots
from eval.reports.figure_rows import figures_table
from eval.reports.material import Material
from eval.reports.plots import FLOWS
from eval.reports.scale import PER_CENT, p_value


def thought_section(task: str, runs: Sequence[Material]) -> dict[str, Any] | None:
    """Return rows and the plot of flows; None where no run shows its thoughts."""
    told = {run.name: run.manifest.get("reflections") for run in runs}
    known = {name: figures for name, figures in told.items() if isinstance(figures, Mapping)}
    if not known:
        return None
    flows = {
        name: figures["corrections"]
        for name, figures in known.items()
        if isinstance(figures.get("corrections"), Mapping) and figures["corrections"]["n"]
    }
    return {
        "figures": figures_table({name: _plain(one) for name, one in known.items()}, PER_CENT),
        "hidden": [name for name in told if name not in known],
        "flows": {name: _flow(counts) for name, counts in flows.items()},
        "labels": [label for label, _ in FLOWS.values()],
        "plot": plots.flows(flows, f"{task}-flows") if flows else "",
    }


def _plain(figures: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return all but the corrections, which have a table of their own."""
    return {name: value for name, value in figures.items() if name != "corrections"}


def _flow(counts: Mapping[str, Any]) -> dict[str, Any]:
    p = counts.get("p")
    return {
        "counts": [f"{counts.get(flow, 0):,}" for flow in FLOWS],
        "net": f"{counts.get('net', 0):+,}",
        "p": p_value(p) if isinstance(p, float | int) else "–",
    }
