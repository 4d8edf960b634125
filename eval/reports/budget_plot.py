"""The plot of a sweep: score against the thinking that was spent on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from estimates.proportions import Interval
from eval.reports.scale import Scale
from pages import svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Curves = Mapping[str, Sequence["Point"]]


@dataclass(frozen=True, slots=True)
class Point:
    """One treatment of a sweep: its label, its score, the mean tokens thought."""

    label: str
    score: Interval
    thinking: float


def budget_plot(curves: Curves, scale: Scale, name: str) -> str:
    """Draw the curves for a page."""
    with _drawn(curves, scale) as figure:
        return svg.inline(figure, name, "Score against mean thinking tokens, with 95 % intervals")


def budget_file(curves: Curves, scale: Scale, name: str) -> str:
    """Draw the curves as an SVG file of their own."""
    with _drawn(curves, scale) as figure:
        return svg.standalone(figure, name)


@contextmanager
def _drawn(curves: Curves, scale: Scale) -> Iterator[Figure]:
    with svg.drawing(6.0, 3.2) as figure:
        axes = figure.subplots()
        for number, (name, points) in enumerate(curves.items()):
            ordered = sorted(points, key=lambda point: point.thinking)
            x = [point.thinking for point in ordered]
            y = [point.score.value * scale.factor for point in ordered]
            low = [v - p.score.low * scale.factor for v, p in zip(y, ordered, strict=True)]
            high = [p.score.high * scale.factor - v for v, p in zip(y, ordered, strict=True)]
            colour = svg.colour(number)
            axes.plot(x, y, "o-", color=colour, markersize=4.5, label=svg.printable(name))
            axes.errorbar(x, y, (low, high), fmt="none", ecolor=colour, elinewidth=1.2)
            for point, at in zip(ordered, zip(x, y, strict=True), strict=True):
                axes.annotate(
                    svg.printable(point.label, 16),
                    at,
                    (5, -11),
                    textcoords="offset points",
                    fontsize=8,
                    color=svg.MUTED,
                )
        axes.set_xlabel("mean thinking tokens")
        axes.set_ylabel(f"score, {scale.unit}")
        axes.margins(x=0.12, y=0.2)
        if len(curves) > 1:
            figure.legend(loc="outside upper left", ncols=2)
        yield figure
