"""Progress: a bar of the reflections, with what they gave, what they cost and will have cost."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self, TextIO

from tqdm import tqdm

from train.recycling.status import Status

SHOWN_S = 0.5


class Progress:
    """Counts the reflections of one run; a context manager on the terminal.

    total: reflections expected, those that are in the journal already included
    costs: of all that was ever asked, and of the reflections that are counted here and came to an
        end, whoever asked for them; None where no prices are given
    """

    def __init__(
        self,
        total: int,
        costs: Callable[[], tuple[float, float]] | None,
        output: TextIO | None = None,
    ) -> None:
        self._total, self._costs = total, costs
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
        num_told = self._statuses.total()
        parts = [
            f"{100 * count / num_told:.1f} % {status}"
            for status, count in self._statuses.most_common()
        ]
        return ", ".join([*parts, *self._costs_told()])

    def _costs_told(self) -> Iterator[str]:
        """Yield the cost so far, and what it will be if the others cost what those here did."""
        if self._costs is None:
            return
        spent, of_these = self._costs()
        yield f"cost {spent:.4g}"
        num_done = sum(n for status, n in self._statuses.items() if not status.is_passing)
        if num_done:
            yield f"in the end about {max(spent, of_these * self._total / num_done):.4g}"
