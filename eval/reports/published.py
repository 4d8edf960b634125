"""Figures that others published, to stand beside ours: facts, each with its source."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files

from estimates.proportions import Z


@dataclass(frozen=True, slots=True)
class Published:
    """One published figure, in per cent.

    figure: which of our figures it stands beside, by its name in a manifest's `scores.figures`;
        None: the headline
    error: its standard error, where one was published
    """

    task: str
    model: str
    value: float
    protocol: str
    source: str
    figure: str | None = None
    error: float | None = None

    @property
    def bounds(self) -> str:
        """The 95 % interval of the published error; nothing where none was published."""
        if self.error is None:
            return ""
        return f"[{self.value - Z * self.error:.2f}, {self.value + Z * self.error:.2f}]"


def published(task: str) -> list[Published]:
    """Return what was published about a task, in the file's order, with the sources in words."""
    content = json.loads(files("eval.reports").joinpath("published.json").read_text())
    sources = content["sources"]
    return [
        Published(**figure | {"source": sources[figure["source"]]})
        for figure in content["figures"]
        if figure["task"] == task
    ]
