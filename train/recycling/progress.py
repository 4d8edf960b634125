"""Progress: a bar of the reflections, with what they gave, what they cost and will have cost."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

from tqdm import tqdm

from train.recycling.status import Status

SHOWN_S = 0.5


class Progress:
    """Counts the reflections of one run; a context manager on the terminal.

    total: reflections expected, those that are in the journal already included
    cost: what has been spent so far, or None where no prices are given
    """

    def __init__(
        self, total: int, cost: Callable[[], float] | None, output: TextIO | None = None
    ) -> None:
        self._total, self._cost = total, cost
        self._output = output or sys.stderr
        self._statuses = Counter[Status]()

    def __enter__(self) -> Self:
        is_terminal = self._output.isatty()
        self._bar = tqdm(
            total=self._total,
            unit=" reflections",
            file=self._output,
            mininterval=SHOWN_S if is_terminal else 10.0,
            dynamic_ncols=is_terminal,
            smoothing=0.1,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.set_postfix_str(self.line(), refresh=False)
        self._bar.close()

    def add(self, status: Status) -> None:
        """Count one reflection."""
        self._statuses[status] += 1
        if self._bar.update() or not self._bar.n % 64:
            self._bar.set_postfix_str(self.line(), refresh=False)

    def line(self) -> str:
        """Return what stands beside the bar."""
        num_done = self._statuses.total()
        parts = [
            f"{100 * count / num_done:.1f} % {status}"
            for status, count in self._statuses.most_common()
        ]
        if self._cost is not None and num_done:
            cost = self._cost()
            parts.append(f"cost {cost:.4g}, in the end about {cost * self._total / num_done:.4g}")
        return ", ".join(parts)
