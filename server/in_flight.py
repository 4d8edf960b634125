"""InFlight: counts what a drain waits for: requests, replies in the background, a promotion."""

from __future__ import annotations

import asyncio

from prometheus_client import Gauge


class InFlight:
    """How much runs now; one per service, used in its event loop."""

    def __init__(self, gauge: Gauge) -> None:
        """Begin with nothing; the gauge follows."""
        self.count = 0
        self._gauge = gauge
        self._is_none = asyncio.Event()
        self._is_none.set()

    def begin(self) -> None:
        """Count one in."""
        self.count += 1
        self._gauge.inc()
        self._is_none.clear()

    def end(self) -> None:
        """Count it out again."""
        self.count -= 1
        self._gauge.dec()
        if not self.count:
            self._is_none.set()

    async def wait_until_none(self, timeout_s: float) -> None:
        """Wait until nothing runs; raise TimeoutError if that takes longer."""
        await asyncio.wait_for(self._is_none.wait(), timeout_s)
