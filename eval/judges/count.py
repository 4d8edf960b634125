"""Count: one line on the terminal that says how many verdicts are settled."""

from __future__ import annotations

import sys
import time

REDRAW_S, REPEAT_S = 0.2, 10.0


class Count:
    """The count of one run's verdicts; on a terminal redrawn, elsewhere a line now and then."""

    def __init__(self) -> None:
        self._is_terminal, self._shown_s = sys.stderr.isatty(), time.monotonic()

    def show(self, done: int, total: int) -> None:
        """Write the count where it is time to, and at the end."""
        now_s = time.monotonic()
        if done < total and now_s - self._shown_s < (REDRAW_S if self._is_terminal else REPEAT_S):
            return
        self._shown_s = now_s
        start, end = ("\r", "\n" if done == total else "") if self._is_terminal else ("", "\n")
        sys.stderr.write(f"{start}verdicts {done}/{total}{end}")
        sys.stderr.flush()
