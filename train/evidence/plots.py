"""Plots of the evidence: accuracy by training tokens, and by tokens written.

Points are means over seeds; bands are 95 % intervals over numbers, these seeds being given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pages import svg
from train.evidence.arms import REFLECTING, THINKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Points = Sequence[Mapping[str, Any]]
CHOICES = {
    "majority": "thinking, majority of k answers",
    "likeliest": "thinking, the likeliest of k",
    "oracle": "thinking, any of k right (oracle)",
}


def evidence_plot(figures: Mapping[str, Any], shown: Sequence[str]) -> str:
    """Draw both as one SVG file; shown: the arms whose training is drawn."""
    curves = figures["curves"]
    with svg.drawing(10.0, 3.8) as figure:
        left, right = figure.subplots(1, 2)
        for number, name in enumerate(name for name in shown if name in curves):
            points = curves[name]["saturation"]
            x = [point["training_tokens"] / 1e6 for point in points]
            _line(left, x, points, name, number)
        left.set_xlabel("training tokens, millions")
        left.set_title("while training, on numbers of its own; last: the figures")
        if REFLECTING in curves:
            points = curves[REFLECTING]["inference"]["one reply"]
            _line(right, _tokens(points), points, "reflecting, one reply cut there", 1)
        for number, (choice, label) in enumerate(CHOICES.items()):
            if THINKING in curves:
                points = curves[THINKING]["inference"][choice]
                _line(right, _tokens(points), points, label, (0, 3, 2)[number])
        right.set_xlabel("tokens written a puzzle, mean")
        right.set_title("at equal inference tokens")
        for axes in (left, right):
            axes.set_ylabel("right, %")
            axes.set_ylim(0, 100)
            axes.legend(loc="lower right", fontsize=8)
        return svg.standalone(figure, "evidence")


def _tokens(points: Points) -> list[float]:
    return [point["tokens"] for point in points]


def _line(axes: Axes, x: Sequence[float], points: Points, label: str, number: int) -> None:
    rights = [point["right"] for point in points]
    y = [100 * right["value"] for right in rights]
    colour = svg.colour(number)
    axes.plot(x, y, "o-", color=colour, markersize=3.5, label=svg.printable(label))
    low, high = ([100 * right[name] for right in rights] for name in ("low", "high"))
    axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
