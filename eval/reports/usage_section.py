"""What a report says of tokens, seconds and cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eval.measures.usage import output_tokens, thinking_tokens
from eval.reports.material import Material
from eval.sample import Sample
from pages.series import histograms

NONE = "–"
QUANTITIES: dict[str, Callable[[Sample], float | None]] = {
    "thinking tokens": thinking_tokens,
    "output tokens": output_tokens,
    "seconds": lambda sample: sample.latency_s if sample.turns else None,
}


def usage_section(task: str, runs: Sequence[Material]) -> dict[str, Any]:
    """Return a row a run, and the histograms of what can be known."""
    panels = {name: [_values(run, of) for run in runs] for name, of in QUANTITIES.items()}
    shown = {name: values for name, values in panels.items() if any(values)}
    labels = [run.name for run in runs]
    plot = histograms(shown, labels, f"{task}-usage") if shown else ""
    return {"rows": [_row(run) for run in runs], "plot": plot}


def _values(run: Material, of: Callable[[Sample], float | None]) -> list[float]:
    return [value for sample in run.samples if (value := of(sample)) is not None]


def _row(run: Material) -> dict[str, str]:
    tokens, cost = run.manifest.get("tokens") or {}, run.manifest.get("cost")
    priced = cost if isinstance(cost, Mapping) else {}
    return {
        "name": run.name,
        "thinking": _spread(tokens.get("thinking")),
        "output": _spread(tokens.get("output")),
        "seconds": _spread(run.manifest.get("latency_s"), 2),
        "written": _count(tokens.get("completion")),
        "per_right": _count(_per_right(run, tokens.get("completion"))),
        "wall": f"{run.manifest.get('wall_s', 0):,.0f}",
        "cost": f"{priced['total']:.4g}" if priced else NONE,
        "cost_per_right": f"{priced['per_right']:.3g}" if priced.get("per_right") else NONE,
    }


def _per_right(run: Material, written: int | None) -> float | None:
    points = sum(sample.value for sample in run.samples)
    return written / points if written and points else None


def _spread(figure: Any, places: int = 0) -> str:
    """Write median and 95th percentile."""
    if not isinstance(figure, Mapping):
        return NONE
    return f"{figure['p50']:,.{places}f} / {figure['p95']:,.{places}f}"


def _count(value: float | None) -> str:
    return NONE if value is None else f"{value:,.0f}"
