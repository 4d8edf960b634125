"""ScriptedEngine: an Engine that writes what a test tells it to, in milliseconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from decoding.answer import AnswerConstraint
from decoding.budget import Budget
from server.engines.engine import EngineDelta, EngineStats, FinishReason, Sampling, TokenLogprob


def plain_logprobs(position: int, token_id: int) -> tuple[TokenLogprob, ...]:
    """Tell of a token and of the ids beside it, with a number that is the position's own."""
    chosen = TokenLogprob(token_id, -(position + 1) / 1024, 1)
    others = (abs(token_id - step) for step in range(1, 21))
    return (chosen, *(TokenLogprob(i, -rank, rank) for rank, i in enumerate(others, 2)))


@dataclass(frozen=True, slots=True)
class Script:
    """What the engine does with one request.

    splits: lengths of the first deltas; the rest of the tokens come one by one. fail_after: raise
    `error` once so many tokens are written. The finish reason comes with the last delta. logprobs:
    what to tell of a token at a position, where it is asked for.
    """

    token_ids: tuple[int, ...]
    finish_reason: FinishReason | None = "stop"
    delay_s: float = 0.0
    first_delay_s: float = 0.0
    splits: tuple[int, ...] = ()
    error: Exception | None = None
    fail_after: int = 0
    logprobs: Callable[[int, int], tuple[TokenLogprob, ...]] = plain_logprobs

    def deltas(self) -> list[tuple[int, ...]]:
        """Cut the tokens as `splits` says; the last delta may be empty, never missing."""
        cuts, start = [], 0
        for length in (*self.splits, *[1] * len(self.token_ids)):
            if start < len(self.token_ids):
                cuts.append(self.token_ids[start : start + length])
                start += length
        return cuts or [()]


@dataclass(frozen=True, slots=True)
class Call:
    """A request as the engine got it."""

    request_id: str
    prompt_token_ids: tuple[int, ...]
    sampling: Sampling
    budget: Budget | None
    constraint: AnswerConstraint | None = None
    cache_salt: str | None = None
    adapter: str | None = None


@dataclass
class ScriptedEngine:
    """Behaves as the engine's protocol says: closing a generator aborts its request.

    `script` is asked for every request; `calls` are those it got, `aborted` those that did not end.
    While it `is_paused` it writes nothing.

    `reload` asks `on_reload` what comes of a folder: it may change `script`, or raise.
    """

    script: Callable[[Call], Script]
    vocab_size: int = 512
    max_model_len: int = 4096
    is_healthy: bool = True
    is_paused: bool = False
    calls: list[Call] = field(default_factory=list)
    aborted: list[str] = field(default_factory=list)
    is_closed: bool = False
    on_reload: Callable[[Path], None] = lambda _: None
    reloads: list[Path] = field(default_factory=list)
    adapters: dict[str, Path] = field(default_factory=dict)
    _is_running: asyncio.Event = field(default_factory=asyncio.Event)
    _unfinished: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Begin running."""
        self._is_running.set()

    async def generate(
        self,
        request_id: str,
        prompt_token_ids: Sequence[int],
        sampling: Sampling,
        budget: Budget | None,
        constraint: AnswerConstraint | None = None,
        cache_salt: str | None = None,
        adapter: str | None = None,
    ) -> AsyncGenerator[EngineDelta, None]:
        """Write the script's tokens, and count the request as unfinished meanwhile."""
        prompt = tuple(prompt_token_ids)
        call = Call(request_id, prompt, sampling, budget, constraint, cache_salt, adapter)
        self.calls.append(call)
        await self._is_running.wait()
        self._unfinished.add(request_id)
        is_done = False
        written = 0
        try:
            script = self.script(call)
            async for plain in self._write(script):
                delta = plain
                if sampling.num_logprobs is not None:
                    delta = _with_logprobs(plain, script, written, sampling.num_logprobs)
                is_done = delta.finish_reason is not None
                if is_done:
                    self._unfinished.discard(request_id)
                written += len(delta.token_ids)
                yield delta
        finally:
            self._unfinished.discard(request_id)
            if not is_done:
                self.aborted.append(request_id)

    async def _write(self, script: Script) -> AsyncGenerator[EngineDelta, None]:
        await asyncio.sleep(script.first_delay_s)
        written = 0
        deltas = script.deltas()
        for number, token_ids in enumerate(deltas):
            while self.is_paused:  # noqa: ASYNC110  (a fake may poll)
                await asyncio.sleep(0.002)
            if script.error is not None and written + len(token_ids) > script.fail_after:
                raise script.error
            written += len(token_ids)
            is_last = number == len(deltas) - 1
            reason = script.finish_reason if is_last else None
            yield EngineDelta(0, token_ids, reason)
            await asyncio.sleep(script.delay_s)

    async def abort(self, request_id: str) -> None:
        """Forget a request."""
        self._unfinished.discard(request_id)
        self.aborted.append(request_id)

    async def drain(self, timeout_s: float) -> None:
        """Wait until nothing is unfinished."""
        async with asyncio.timeout(timeout_s):
            while self._unfinished:  # noqa: ASYNC110  (a fake may poll)
                await asyncio.sleep(0.01)

    def stats(self) -> EngineStats:
        """Count what is unfinished."""
        return EngineStats(num_running=len(self._unfinished), num_waiting=0)

    async def pause(self) -> None:
        """Begin nothing more, and wait for what runs."""
        self._is_running.clear()
        await self.drain(60)

    async def resume(self) -> None:
        """Run again."""
        self._is_running.set()

    async def reload(self, folder: Path) -> None:
        """Note the folder, and do what the test wants."""
        assert not self._is_running.is_set()
        assert not self._unfinished
        await asyncio.sleep(0)
        self.reloads.append(folder)
        self.on_reload(folder)

    async def add_adapter(self, name: str, folder: Path) -> None:
        """Note the adapter."""
        self.adapters[name] = folder

    async def remove_adapter(self, name: str) -> None:
        """Forget it."""
        del self.adapters[name]

    async def close(self) -> None:
        """Note that the server closed the engine."""
        self.is_closed = True


def _with_logprobs(delta: EngineDelta, script: Script, start: int, count: int) -> EngineDelta:
    places = enumerate(delta.token_ids, start)
    return replace(delta, logprobs=tuple(script.logprobs(*each)[: count + 1] for each in places))
