"""Plots as SVG that stands inside a page: deterministic, in the page's own colours and fonts."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Colours that stand for the page's variables: `savefig` writes them, `_inline` replaces them.
INK, MUTED, RULE, PAPER = "#010001", "#010002", "#010003", "#010004"
GOOD, GOOD_SOFT, BAD, BAD_SOFT = "#010005", "#010006", "#010007", "#010008"
SERIES = ("#010011", "#010012", "#010013", "#010014", "#010015", "#010016")
VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    RULE: "--rule",
    PAPER: "--paper",
    GOOD: "--good",
    GOOD_SOFT: "--good-soft",
    BAD: "--bad",
    BAD_SOFT: "--bad-soft",
    **{colour: f"--series-{number}" for number, colour in enumerate(SERIES, 1)},
}
LIGHT = {
    "--ink": "#1c2024",
    "--muted": "#5d646d",
    "--rule": "#d9dde2",
    "--paper": "#ffffff",
    "--good": "#1a7f4b",
    "--good-soft": "#a9d8be",
    "--bad": "#b93838",
    "--bad-soft": "#eab8b4",
    "--series-1": "#2b62c4",
    "--series-2": "#c2571a",
    "--series-3": "#1a7f6b",
    "--series-4": "#7d4bb5",
    "--series-5": "#8a6d0b",
    "--series-6": "#a83268",
}
STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": RULE,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.titlesize": 9.5,
    "figure.facecolor": "none",
    "font.size": 9,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "svg.fonttype": "none",
    "text.color": INK,
    "text.parse_math": False,  # a name may hold a dollar
    "xtick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.color": RULE,
    "ytick.labelcolor": INK,
}


def printable(text: str, most: int = 44) -> str:
    """Return a name as a plot can carry it: one line, not too long."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return line if len(line) <= most else f"{line[: most - 1]}…"


def colour(number: int) -> str:
    """Return the colour of a series."""
    return SERIES[number % len(SERIES)]


@contextmanager
def drawing(width: float, height: float) -> Iterator[Figure]:
    """Yield an empty figure of that size in inches, in the report's style."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        yield Figure(figsize=(width, height), layout="constrained")


def inline(figure: Figure, name: str, label: str) -> str:
    """Return the figure as an element of a page; `label` is read out, `name` salts its ids."""
    return _inline(_svg(figure, name), label)


def standalone(figure: Figure, name: str) -> str:
    """Return the figure as a file of its own, on white, in the light colours."""
    coloured = _coloured(_svg(figure, name), LIGHT.__getitem__)
    return coloured.replace("<svg ", '<svg style="background: #ffffff" ', 1)


def _svg(figure: Figure, salt: str) -> str:
    import matplotlib as mpl

    text = io.StringIO()
    with mpl.rc_context(STYLE | {"svg.hashsalt": salt}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()


def _inline(svg: str, label: str) -> str:
    """Keep the drawing alone: no prolog, metadata, namespaces, nor ids that nothing refers to."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"', "", svg)
    used = set(re.findall(r"#([\w-]+)", svg))
    svg = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", svg)
    svg = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", svg)
    svg = re.sub(r"font-family: [^;\"]*;?", "", svg)
    head = f'<svg role="img" aria-label="{escape(label)}"'
    return _coloured(svg.replace("<svg", head, 1), lambda variable: f"var({variable})")


def _coloured(svg: str, value: Callable[[str], str]) -> str:
    return re.sub("|".join(VARIABLES), lambda found: value(VARIABLES[found[0]]), svg)


def without_spines(axes: Axes) -> None:
    """Leave the grid alone to carry the axes."""
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0)
    axes.tick_params(axis="y", pad=8)
