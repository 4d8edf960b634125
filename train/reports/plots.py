"""The plots of a run: what became of samples, the stages, top percent, the curves of tuning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from estimates.proportions import wilson
from pages import svg
from pages.series import WIDTH, patch

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW = 0.3  # inches
OUTCOMES = {  # what of the result is the teacher's, and its colour
    "both": svg.GOOD,
    "response": svg.GOOD_SOFT,
    "instruction": svg.BAD_SOFT,
    "none": svg.RULE,
}
Curve = tuple[Sequence[float], Sequence[float]]


def outcomes(counts: Mapping[str, int], name: str) -> str:
    """Draw the shares of the outcomes as a ring."""
    shown = {outcome: counts[outcome] for outcome in OUTCOMES if counts.get(outcome)}
    total = sum(shown.values())
    with svg.drawing(4.6, 2.3) as figure:
        axes = figure.subplots()
        axes.pie(
            list(shown.values()),
            colors=[OUTCOMES[outcome] for outcome in shown],
            startangle=90,
            counterclock=False,
            wedgeprops={"width": 0.38, "edgecolor": svg.PAPER, "linewidth": 1.5},
        )
        axes.text(0, 0, f"{total:,}", ha="center", va="center", fontsize=13, color=svg.INK)
        handles = [
            patch(f"{outcome}: {count:,} ({100 * count / total:.1f} %)", OUTCOMES[outcome])
            for outcome, count in shown.items()
        ]
        figure.legend(handles=handles, loc="outside right center")
        return svg.inline(figure, name, "What of the results is the teacher's")


def stages(bars: Mapping[str, tuple[int, int]], name: str) -> str:
    """Draw how many of how many came through each stage, with the Wilson interval of the share."""
    with svg.drawing(WIDTH, 0.5 + ROW * len(bars)) as figure:
        axes = figure.subplots()
        for row, (count, total) in enumerate(bars.values()):
            share = wilson(count, total)
            low, high = 100 * share.low, 100 * share.high
            axes.barh(row, 100 * share.value, height=0.62, color=svg.colour(0), alpha=0.4)
            axes.plot([low, high], [row, row], color=svg.colour(0), linewidth=1.4)
        axes.set_yticks(range(len(bars)), list(bars))
        axes.set_ylim(len(bars) - 0.4, -0.6)
        axes.set_xlim(0, 100)
        axes.set_xlabel("% of those that entered the stage")
        axes.grid(axis="y", visible=False)
        svg.without_spines(axes)
        return svg.inline(figure, name, "Shares that came through each stage")


def top_percent(ifds: Sequence[float], chosen: float, name: str) -> str:
    """Draw the least and the mean IFD of the top k per cent; a line at the run's own k."""
    import numpy as np

    ordered = np.sort(np.asarray(ifds))[::-1]
    percents = 100 * np.arange(1, len(ordered) + 1) / len(ordered)
    means = np.cumsum(ordered) / np.arange(1, len(ordered) + 1)
    with svg.drawing(WIDTH, 2.3) as figure:
        axes = figure.subplots()
        axes.plot(percents, means, color=svg.colour(0), linewidth=1.6)
        axes.plot(percents, ordered, color=svg.colour(1), linewidth=1.6)
        axes.axvline(chosen, color=svg.MUTED, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_xlim(0, 100)
        axes.set_xlabel("top k % by IFD, of those that could be kept")
        labels = ("mean IFD", "least IFD")
        handles = [patch(label, svg.colour(number)) for number, label in enumerate(labels)]
        figure.legend(handles=handles, loc="outside upper left", ncols=2)
        return svg.inline(figure, name, "IFD against the share that is kept")


def curves(panels: Mapping[str, Mapping[str, Curve]], name: str) -> str:
    """Draw a panel a quantity, two beside one another, in it a line a series over the steps."""
    height = -(-len(panels) // 2)
    with svg.drawing(WIDTH, 0.2 + 2.0 * height) as figure:
        places = list(figure.subplots(height, 2, squeeze=False).flat)
        for axes in places[len(panels) :]:
            axes.remove()
        for axes, (title, lines) in zip(places, panels.items(), strict=False):
            _curve_panel(axes, title, lines)
        return svg.inline(figure, name, f"Curves over the steps: {', '.join(panels)}")


def _curve_panel(axes: Axes, title: str, lines: Mapping[str, Curve]) -> None:
    for number, (label, (steps, values)) in enumerate(lines.items()):
        dot = "o" if len(steps) < 12 else ""
        axes.plot(
            steps,
            values,
            color=svg.colour(number),
            linewidth=1.3,
            marker=dot,
            markersize=3,
            label=svg.printable(label),
        )
    axes.set_title(title)
    axes.locator_params(axis="both", nbins=5)
    if len(lines) > 1:
        axes.legend(fontsize=8)
