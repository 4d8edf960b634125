"""Figures of a manifest, however nested, as rows of a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from eval.reports.scale import Scale

Row = tuple[str, str]
MAX_ROWS = 14  # that are shown without being asked for


def figures_table(runs: Mapping[str, Mapping[str, Any]], scale: Scale) -> dict[str, Any]:
    """Return the figures of several runs as one table, a column a run."""
    columns = {name: dict(figure_rows(figures, scale)) for name, figures in runs.items()}
    labels = dict.fromkeys(label for column in columns.values() for label in column)
    rows = [(label, [column.get(label, "–") for column in columns.values()]) for label in labels]
    return {"labels": list(columns), "rows": rows, "is_long": len(rows) > MAX_ROWS}


def figure_rows(figures: Mapping[str, Any], scale: Scale, path: str = "") -> Iterator[Row]:
    """Yield the figures by their path: intervals and spreads on one line, parts below another."""
    for name, value in figures.items():
        label = f"{path} · {name}" if path else str(name)
        label = label.replace("_", " ")
        if isinstance(value, Mapping) and "value" in value:
            yield label, f"{scale.number(value['value'])} {scale.bounds(value)}".strip()
        elif isinstance(value, Mapping) and "p50" in value:
            yield (
                f"{label}: p50 / p95, mean",
                f"{value['p50']:g} / {value['p95']:g}, {value['mean']:.2f}",
            )
        elif isinstance(value, Mapping):
            yield from figure_rows(value, scale, label)
        elif value is not None:
            yield label, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return f"{value:,}" if type(value) is int else str(value)
