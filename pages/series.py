"""What plots of several series share: their legend, and histograms with an outline a series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pages import svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 7.4  # inches, of all plots
NUM_BINS = 30
SHORT = 14  # characters of a name, of which four stand beside one another


def histograms(
    panels: Mapping[str, Sequence[Sequence[float]]],
    labels: Sequence[str],
    name: str,
    *,
    limit: float | None = None,
) -> str:
    """Draw a panel a quantity, in it an outline a series; the last bin holds the uppermost percent.

    limit: a value to draw a line at, always in sight
    """
    with svg.drawing(WIDTH, 2.0) as figure:
        for axes, (title, series) in zip(
            figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
        ):
            _histogram(axes, series, 0.0 if limit is None else 1.1 * limit)
            if limit is not None:
                axes.axvline(limit, color=svg.MUTED, linewidth=1, linestyle=(0, (4, 3)))
            axes.set_title(title)
            axes.grid(axis="x", visible=False)
        legend(figure, labels)
        return svg.inline(figure, name, f"Histograms: {', '.join(panels)}")


def _histogram(axes: Axes, series: Sequence[Sequence[float]], least_top: float) -> None:
    import numpy as np

    every = np.concatenate([np.asarray(values, float) for values in series])
    top = max(least_top, float(np.percentile(every, 99))) or 1.0
    edges = np.linspace(0, top, NUM_BINS + 1)
    for number, values in enumerate(series):
        counts, _ = np.histogram(np.clip(values, 0, top), edges)
        colour = svg.colour(number)
        axes.stairs(counts, edges, fill=True, color=colour, alpha=0.3 if len(series) == 1 else 0.12)
        axes.stairs(counts, edges, color=colour, linewidth=1.1)
    axes.set_xlim(0, top)
    axes.set_ylim(bottom=0)
    axes.locator_params(axis="x", nbins=5)
    axes.locator_params(axis="y", nbins=4, integer=True)


def legend(figure: Figure, labels: Sequence[str]) -> None:
    """Name the series above the plot, where there are several."""
    if len(labels) > 1:
        handles = [patch(label, svg.colour(number)) for number, label in enumerate(labels)]
        num_columns = 4 if max(map(len, labels)) <= SHORT else 2
        figure.legend(handles=handles, loc="outside upper left", ncols=num_columns)


def patch(label: str, colour: str) -> Any:
    """Return the handle of a legend's line."""
    from matplotlib.patches import Patch

    return Patch(color=colour, label=svg.printable(label))
