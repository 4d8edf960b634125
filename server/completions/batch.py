"""Batch: the generations of several prompts as one, their choices numbered one after the other."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from types import TracebackType
from typing import Self

from decoding.format import Section
from server.errors import EngineError, ServerError
from server.protocol.chat import CompletionTokensDetails, Usage
from server.replies.choice import Event
from server.replies.generation import Generation
from server.replies.progress import Progress


class Batch:
    """Several generations, at least one when it is read; one per request.

    Each begins when it is added: one that waited for the others could hold up a promotion of
    weights that these wait for in turn.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._generations: list[Generation] = []
        self._events: asyncio.Queue[Event | ServerError | None] = asyncio.Queue()
        self._readers: list[asyncio.Task[None]] = []
        self._num_open = 0

    async def add(self, generation: Generation) -> None:
        """Begin one more, which the end of the batch will end."""
        offset = self.num_choices
        self._generations.append(generation)
        self._num_open += 1
        await generation.__aenter__()
        self._readers.append(asyncio.create_task(self._read(generation, offset)))

    async def __aenter__(self) -> Self:
        """Hand on what was added."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        """Abort what still runs."""
        for reader in self._readers:
            reader.cancel()
        async with AsyncExitStack() as stack:
            for generation in self._generations:
                stack.push_async_exit(generation)

    def __aiter__(self) -> Self:
        """Stream the events of all choices as they come."""
        return self

    async def __anext__(self) -> Event:
        """Return the next event; raise ServerError if a choice of any prompt failed."""
        while self._num_open:
            event = await self._events.get()
            if isinstance(event, ServerError):
                raise event
            if event is not None:
                return event
            self._num_open -= 1
        raise StopAsyncIteration

    async def wait_for_admission(self, timeout_s: float | None) -> None:
        """Wait for every choice's first token, at most `timeout_s`; raise if one is refused."""
        waits = [each.wait_for_admission(timeout_s) for each in self._generations]
        await asyncio.gather(*waits)

    @property
    def num_choices(self) -> int:
        """How many replies there are."""
        return sum(each.num_choices for each in self._generations)

    @property
    def fingerprint(self) -> str:
        """Which weights write."""
        return self._generations[0].fingerprint

    @property
    def usage(self) -> Usage:
        """The tokens so far, of all prompts."""
        usages = [each.usage for each in self._generations]
        reasoning = sum(each.completion_tokens_details.reasoning_tokens for each in usages)
        return Usage(
            prompt_tokens=sum(each.prompt_tokens for each in usages),
            completion_tokens=sum(each.completion_tokens for each in usages),
            total_tokens=sum(each.total_tokens for each in usages),
            completion_tokens_details=CompletionTokensDetails(reasoning_tokens=reasoning),
        )

    def progress(self) -> Progress:
        """Tell how far the prompt furthest behind is."""
        return min((each.progress() for each in self._generations), key=_place)

    async def _read(self, generation: Generation, offset: int) -> None:
        try:
            async for event in generation:
                self._events.put_nowait(replace(event, index=offset + event.index))
            self._events.put_nowait(None)
        except ServerError as error:
            self._events.put_nowait(error)
        except Exception:
            self._events.put_nowait(EngineError("The server had an error while it answered."))
            raise


def _place(progress: Progress) -> tuple[bool, int]:
    return progress.section is Section.OUTPUT, progress.hidden_tokens
