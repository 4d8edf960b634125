"""Progress: one line that says how a run goes: accuracy, errors, speed, time left, cost."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self, TextIO

from estimates.proportions import wilson
from eval.measures.usage import Prices
from eval.sample import ERROR, Sample

REDRAW_S, REPEAT_S = 0.2, 10.0
BAR = 20


class Progress:
    """Counts the samples of one run; `async with` keeps a line of them on the terminal.

    Where the output is no terminal a plain line comes every ten seconds. The accuracy is of all
    samples, those of an earlier session and those without a reply included.
    """

    def __init__(
        self,
        name: str,
        total: int,
        is_scored: bool = True,
        prices: Prices | None = None,
        output: TextIO | None = None,
    ) -> None:
        self._name, self._total, self._is_scored, self._prices = name, total, is_scored, prices
        self._output = output or sys.stderr
        self._begun_s = time.monotonic()
        self._num_new = self._num_done = self._num_errors = self._num_empty = 0
        self._score = 0.0
        self._is_binary = True
        self._read = self._written = 0
        self._line_width = 0

    def resume(self, samples: Iterable[Sample]) -> None:
        """Count what an earlier session has answered; it does not speak for this one's speed."""
        for sample in samples:
            if sample.status != ERROR:
                self._count(sample)

    def add(self, sample: Sample) -> None:
        """Count a new sample."""
        self._num_new += 1
        self._count(sample)
        for turn in sample.turns:
            self._written += turn.num_tokens or 0
            self._read += turn.num_prompt_tokens or 0

    def _count(self, sample: Sample) -> None:
        self._num_done += 1
        self._num_errors += sample.status == ERROR
        self._num_empty += "empty" in sample.flags
        self._score += sample.value
        self._is_binary = self._is_binary and sample.value in {0.0, 1.0}

    def line(self, elapsed_s: float) -> str:
        """Return the line as it stands after so many seconds."""
        parts = [f"{self._num_done}/{self._total}", self._accuracy()]
        if self._num_errors:
            parts.append(f"{self._num_errors} errors")
        if self._num_empty:
            parts.append(f"{self._num_empty} empty")
        if self._num_new and elapsed_s > 0:
            left_s = (self._total - self._num_done) * elapsed_s / self._num_new
            parts.append(f"{self._num_new / elapsed_s:.3g}/s")
            parts.append(f"{_clock(left_s)} left" if left_s else _clock(elapsed_s))
            if self._written:
                parts.append(f"{self._written / elapsed_s:,.0f} tokens/s")
        if self._prices is not None:
            parts.append(f"cost {self._cost(self._prices):.4g}")
        return f"{self._name}  " + " · ".join(part for part in parts if part)

    def _accuracy(self) -> str:
        if not self._is_scored or not self._num_done:
            return ""
        if not self._is_binary:
            return f"mean {100 * self._score / self._num_done:.1f}"
        return f"accuracy {wilson(round(self._score), self._num_done).percent(1)}"

    def _cost(self, prices: Prices) -> float:
        return (self._read * prices.prompt + self._written * prices.completion) / 1e6

    async def __aenter__(self) -> Self:
        """Begin to show the line; the time counts from here."""
        self._begun_s = time.monotonic()
        self._shown = asyncio.create_task(self._show())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the line in its last state."""
        self._shown.cancel()
        await asyncio.gather(self._shown, return_exceptions=True)
        self._write()
        if self._output.isatty():
            self._output.write("\n")

    async def _show(self) -> None:
        while True:
            await asyncio.sleep(REDRAW_S if self._output.isatty() else REPEAT_S)
            self._write()

    def _write(self) -> None:
        line = self.line(time.monotonic() - self._begun_s)
        if self._output.isatty():
            width = shutil.get_terminal_size().columns - 1
            line = f"{self._bar()} {line}"[:width]
            self._output.write("\r" + line.ljust(self._line_width))
            self._line_width = len(line)
        else:
            self._output.write(line + "\n")
        self._output.flush()

    def _bar(self) -> str:
        filled = BAR * self._num_done // max(1, self._total)
        return "━" * filled + "╌" * (BAR - filled)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
