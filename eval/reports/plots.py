"""The plots of a report: scores with intervals, groups, flows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from estimates.proportions import Interval
from eval.reports.scale import Scale
from pages import svg
from pages.series import WIDTH, legend, patch

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW = 0.24
ONE_COLUMN = 20  # groups; more stand in two columns
FLOWS = {
    "wrong_to_right": ("wrong → right", svg.GOOD),
    "right_to_right": ("right → right", svg.GOOD_SOFT),
    "none_before": ("no answer before", svg.RULE),
    "wrong_to_wrong": ("wrong → wrong", svg.BAD_SOFT),
    "right_to_wrong": ("right → wrong", svg.BAD),
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a plot of scores; `number` is its colour, None of what others published."""

    label: str
    interval: Interval
    number: int | None = 0


def scores(bars: Sequence[Bar], scale: Scale, name: str) -> str:
    """Draw each score as a point with its interval, a row each; published ones hollow."""
    with svg.drawing(WIDTH, 0.55 + ROW * len(bars)) as figure:
        axes = figure.subplots()
        for row, bar in enumerate(bars):
            colour = svg.MUTED if bar.number is None else svg.colour(bar.number)
            face = svg.PAPER if bar.number is None else colour
            _whisker(axes, row, bar.interval, scale, colour)
            value = bar.interval.value * scale.factor
            axes.plot(
                [value], [row], "D", color=colour, markerfacecolor=face, markersize=5, clip_on=False
            )
        _rows(axes, [bar.label for bar in bars], scale)
        return svg.inline(figure, name, "Scores with 95 % intervals; the table has the numbers")


def groups(
    names: Sequence[str],
    runs: Sequence[Sequence[Interval]],
    labels: Sequence[str],
    scale: Scale,
    name: str,
) -> str:
    """Draw the score of each group: bars for one run, points side by side for several."""
    columns = 1 if len(names) <= ONE_COLUMN else 2
    height = -(-len(names) // columns)
    row = 0.2 + 0.04 * (len(runs) - 1)
    with svg.drawing(WIDTH, 0.7 + row * height) as figure:
        for column, axes in enumerate(figure.subplots(1, columns, squeeze=False)[0]):
            part = slice(column * height, (column + 1) * height)
            for number, intervals in enumerate(runs):
                _group_column(axes, intervals[part], number, len(runs), scale)
            _rows(axes, names[part], scale)
        legend(figure, labels)
        return svg.inline(figure, name, "Scores by group with 95 % intervals")


def _group_column(
    axes: Axes, intervals: Sequence[Interval], number: int, count: int, scale: Scale
) -> None:
    colour = svg.colour(number)
    for row, interval in enumerate(intervals):
        place = row + (number - (count - 1) / 2) * 0.6 / count
        value = interval.value * scale.factor
        if count == 1:
            axes.barh(place, value, height=0.62, color=colour, alpha=0.45, linewidth=0)
            _whisker(axes, place, interval, scale, colour)
        else:
            _whisker(axes, place, interval, scale, colour)
            axes.plot([value], [place], "o", color=colour, markersize=3.5)


def flows(runs: Mapping[str, Mapping[str, int]], name: str) -> str:
    """Draw what became of the answers stated before the first reflection, a bar a run."""
    with svg.drawing(WIDTH, 0.75 + 0.42 * len(runs)) as figure:
        axes = figure.subplots()
        for row, counts in enumerate(runs.values()):
            total = sum(counts[flow] for flow in FLOWS) or 1
            left = 0.0
            for flow, (_, colour) in FLOWS.items():
                width = 100 * counts[flow] / total
                axes.barh(row, width, left=left, height=0.66, color=colour, linewidth=0)
                if width > 4:
                    _inside(axes, left + width / 2, row, counts[flow], flow)
                left += width
        _rows(axes, list(runs), Scale(1, 100, "%"))
        axes.set_xlim(0, 100)
        handles = [patch(label, colour) for label, colour in FLOWS.values()]
        figure.legend(handles=handles, loc="outside upper left", ncols=5, columnspacing=1.2)
        return svg.inline(
            figure, name, "Corrections: the answer before the first reflection, and after"
        )


def _inside(axes: Axes, x: float, y: float, count: int, flow: str) -> None:
    is_dark = flow in {"wrong_to_right", "right_to_wrong"}
    axes.text(x, y, f"{count:,}", ha="center", va="center", color=svg.PAPER if is_dark else svg.INK)


def _whisker(axes: Axes, y: float, interval: Interval, scale: Scale, colour: str) -> None:
    low, high = (
        max(0.0, min(scale.best, bound)) * scale.factor for bound in (interval.low, interval.high)
    )
    axes.plot([low, high], [y, y], color=colour, linewidth=1.4, solid_capstyle="butt")


def _rows(axes: Axes, labels: Sequence[str], scale: Scale) -> None:
    """Name the rows from the top, and put the scale below."""
    axes.set_yticks(range(len(labels)), [svg.printable(label) for label in labels])
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_xlim(left=0, right=scale.best * scale.factor)
    axes.set_xlabel(scale.unit)
    axes.grid(axis="y", visible=False)
    svg.without_spines(axes)
