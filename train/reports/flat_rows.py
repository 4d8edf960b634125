"""A manifest, however nested, as rows of a table of facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Row = tuple[str, str]


def flat_rows(figures: Mapping[str, Any], path: str = "") -> Iterator[Row]:
    """Yield the figures by their path; what is empty is left out."""
    for name, value in figures.items():
        label = f"{path} · {name}" if path else str(name)
        label = label.replace("num_", "").replace("_", " ")
        if isinstance(value, Mapping):
            yield from flat_rows(value, label)
        elif value not in (None, "", [], ()):
            yield label, told(value)


def told(value: Any) -> str:
    """Write a value for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return "; ".join(
            ", ".join(f"{name} {text}" for name, text in flat_rows(one))
            if isinstance(one, Mapping)
            else told(one)
            for one in value
        )
    return str(value)
