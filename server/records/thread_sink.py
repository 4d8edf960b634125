"""ThreadSink: writes exchanges in a thread of its own, so that no request waits for it."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor

from server.replies.exchanges import Exchange


class ThreadSink(ABC):
    """A sink whose exchanges are written one after the other; kinds say whose and where."""

    def __init__(self, name: str) -> None:
        """Begin with nothing to write; name: the thread's."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    def keep(self, exchange: Exchange) -> None:
        """Have the exchange written."""
        self._thread.submit(self._write, exchange, time.time())

    def close(self) -> None:
        """Write what is waiting, then close."""
        self._thread.shutdown()
        self._close()

    @abstractmethod
    def _write(self, exchange: Exchange, at_s: float) -> None:
        """Write one exchange in the thread; a failure is logged, without a word of its text."""

    @abstractmethod
    def _close(self) -> None:
        """Let go of where it was written."""
