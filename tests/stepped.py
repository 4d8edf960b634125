"""SteppedEngine: a scripted engine that writes a token of every reply at once, as a batch does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from server.engines.engine import EngineDelta
from tests.fakes import Script, ScriptedEngine


@dataclass(frozen=True, slots=True)
class MarkedScript(Script):
    """A script whose delta number `mark` is to be timed."""

    request_id: str = ""
    mark: int = -1


@dataclass
class SteppedEngine(ScriptedEngine):
    """Steps every `step_s`; `marked_at_s` tells when the step was that wrote a marked delta."""

    step_s: float = 0.02
    marked_at_s: dict[str, float] = field(default_factory=dict)
    _next: asyncio.Event = field(default_factory=asyncio.Event)
    _at_s: float = 0.0

    async def run(self) -> None:
        """Step until cancelled."""
        while True:
            await asyncio.sleep(self.step_s)
            while self.is_paused:  # noqa: ASYNC110  (a fake may poll)
                await asyncio.sleep(0.002)
            self._at_s = time.perf_counter()
            self._next.set()
            self._next = asyncio.Event()

    async def _write(self, script: Script) -> AsyncGenerator[EngineDelta, None]:
        deltas = script.deltas()
        for number, token_ids in enumerate(deltas):
            await self._next.wait()
            if isinstance(script, MarkedScript) and number == script.mark:
                self.marked_at_s[script.request_id] = self._at_s
            is_last = number == len(deltas) - 1
            yield EngineDelta(0, token_ids, script.finish_reason if is_last else None)
