"""Generation: the choices of one request while the engine writes them, as a stream of events."""

from __future__ import annotations

import asyncio
import logging
import time
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import aclosing
from types import TracebackType
from typing import Self

from decoding.format import Section
from server.engines.engine import Engine
from server.errors import EngineError, ServerError
from server.keys.rates import Allotment
from server.model import ServedModel
from server.plan import Plan
from server.protocol.chat import CompletionTokensDetails, Usage
from server.records.logs import trace_of
from server.records.metrics import Metrics
from server.records.tracing import note
from server.replies.choice import AnswerDelta, Choice, Event, ToolCallDelta
from server.replies.exchanges import Witness
from server.replies.progress import Progress

ANSWERS = (AnswerDelta, ToolCallDelta)

logger = logging.getLogger(__name__)


class Generation:
    """The n replies of one request; one per request, used as an asynchronous context.

    Every choice is read from the engine by a task of its own, so hidden tokens wake nobody. On
    leaving the context what still runs is aborted in the engine and everything is counted.
    """

    def __init__(
        self,
        request_id: str,
        plan: Plan,
        model: ServedModel,
        engine: Engine,
        metrics: Metrics,
        witness: Witness | None = None,
        allotment: Allotment | None = None,
        cache_salt: str | None = None,
        on_end: Callable[[], None] | None = None,
    ) -> None:
        """Make the choices; nothing is asked of the engine yet.

        on_end: called, once or more often, as soon as the engine has no part in it any more
        """
        self._allotment = allotment
        self._cache_salt = cache_salt
        self._on_end = on_end
        if on_end is not None:  # also for one that nobody has begun
            weakref.finalize(self, on_end).atexit = False
        self._adapter = model.adapter
        self.fingerprint = model.fingerprint
        """Which weights write; the same from the first token to the last."""
        self._witness = witness
        self._request_id = request_id
        self._plan = plan
        self._engine = engine
        self._metrics = metrics
        self._choices = [Choice(model, plan, index) for index in range(len(plan.samplings))]
        self._tasks: list[asyncio.Task[None]] = []
        self._events: deque[Event] = deque()
        self._failure: ServerError | None = None
        self._has_news = asyncio.Event()
        self.thinks = not plan.budget.skips_thinking(model.bundle.format)
        """Whether there is a section of thinking at all."""
        self._unadmitted = {choice.index for choice in self._choices}
        self._is_admitted = asyncio.Event()
        self._started_s = time.perf_counter()
        self._has_answered = False

    async def __aenter__(self) -> Self:
        """Ask the engine for every choice."""
        self._tasks = [
            asyncio.create_task(self._read(choice), name=f"{self._request_id}-{choice.index}")
            for choice in self._choices
        ]
        for task in self._tasks:
            task.add_done_callback(self._end_task)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Abort what still runs and count what was written."""
        unfinished = [task for task in self._tasks if not task.done()]
        for task in unfinished:
            task.cancel()
        self._count()
        if self._allotment is not None:
            self._allotment.end(self.usage.total_tokens)
        if self._witness is not None:
            self._witness.end(self.usage)
        if unfinished:
            await asyncio.wait(unfinished)

    def abandon(self) -> None:
        """Give back what was set aside for a generation that is never begun."""
        if self._allotment is not None:
            self._allotment.end()
        if self._on_end is not None:
            self._on_end()

    def __aiter__(self) -> Self:
        """Stream the events of all choices as they come."""
        return self

    async def __anext__(self) -> Event:
        """Return the next event; raise ServerError if a choice failed."""
        while not self._events:
            if self._failure is not None:
                raise self._failure
            if all(choice.finish_reason for choice in self._choices):
                raise StopAsyncIteration
            self._has_news.clear()
            await self._has_news.wait()
        return self._events.popleft()

    @property
    def has_news(self) -> bool:
        """Whether the next event is there already."""
        return bool(self._events)

    @property
    def is_over(self) -> bool:
        """Whether every choice has ended well; events may still have to be read."""
        return self._failure is None and all(choice.finish_reason for choice in self._choices)

    async def wait_for_admission(self, timeout_s: float | None) -> None:
        """Wait for every choice's first token, at most `timeout_s`; raise if one is refused."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._is_admitted.wait()
        except TimeoutError:
            return
        if self._failure is not None:
            raise self._failure

    @property
    def num_choices(self) -> int:
        """How many replies there are."""
        return len(self._choices)

    @property
    def may_call(self) -> bool:
        """Whether an answer may be calls of tools."""
        return self._plan.answer is not None and self._plan.answer.heads is not None

    @property
    def shows_reasoning(self) -> bool:
        """Whether there are events with reasoning."""
        return self._plan.shows_reasoning

    @property
    def usage(self) -> Usage:
        """The tokens so far, exact by id, summed over the choices."""
        prompt = len(self._plan.prompt_token_ids)
        completion = sum(choice.num_tokens for choice in self._choices)
        reasoning = sum(choice.num_reasoning_tokens for choice in self._choices)
        return Usage(
            prompt_tokens=prompt,
            completion_tokens=completion,
            total_tokens=prompt + completion,
            completion_tokens_details=CompletionTokensDetails(reasoning_tokens=reasoning),
        )

    def progress(self) -> Progress:
        """Tell how far the choice furthest behind is; numbers alone."""
        running = [choice for choice in self._choices if choice.finish_reason is None]
        last = min(running or self._choices, key=_place)
        elapsed_s = round(time.perf_counter() - self._started_s, 2)
        return Progress(last.section, last.num_reasoning_tokens, elapsed_s)

    def _end_task(self, _: asyncio.Task[None]) -> None:
        if self._on_end is not None and all(task.done() for task in self._tasks):
            self._on_end()

    async def _read(self, choice: Choice) -> None:
        """Feed one choice until it ends; leaving the engine's stream early aborts it there."""
        plan = self._plan
        stream = self._engine.generate(
            f"{self._request_id}-{choice.index}",
            plan.prompt_token_ids,
            plan.samplings[choice.index],
            plan.budget,
            None if plan.answer is None else plan.answer.constraint,
            self._cache_salt,
            self._adapter,
        )
        try:
            async with aclosing(stream):
                async for delta in stream:
                    if self._unadmitted:
                        self._admit(choice)
                    if events := choice.feed(delta):
                        self._publish(events)
                    if choice.finish_reason is not None:
                        return
            raise EngineError("The reply ended before it was complete.")
        except ServerError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001  (it must not reach the other requests)
            logger.error("choice %d failed: %s", choice.index, trace_of(error))
            self._fail(EngineError("The server had an error while writing the reply."))
        finally:
            # Also after a cancellation that came out of the engine: nobody may wait for ever.
            if choice.finish_reason is None:
                self._fail(EngineError("The reply ended before it was complete."))

    def _admit(self, choice: Choice) -> None:
        self._unadmitted.discard(choice.index)
        if not self._unadmitted:
            self._is_admitted.set()
            note("first token")

    def _publish(self, events: list[Event]) -> None:
        if not self._has_answered and any(isinstance(event, ANSWERS) for event in events):
            self._has_answered = True
            elapsed_s = time.perf_counter() - self._started_s
            self._metrics.time_to_first_answer_token.observe(elapsed_s)
            note("first answer token")
        if self._witness is not None:
            self._witness.see(events)
        self._events.extend(events)
        self._has_news.set()

    def _fail(self, error: ServerError) -> None:
        self._failure = self._failure or error
        self._is_admitted.set()
        self._has_news.set()

    def _count(self) -> None:
        metrics = self._metrics
        metrics.prompt_tokens.inc(len(self._plan.prompt_token_ids))
        for choice in self._choices:
            metrics.hidden_tokens.inc(choice.num_reasoning_tokens)
            metrics.visible_tokens.inc(choice.num_tokens - choice.num_reasoning_tokens)
            metrics.stray_tokens.inc(choice.num_stray_tokens)
            for budget in choice.budget_hits:
                metrics.budget_hits.labels(budget).inc()
            metrics.forced_closes.inc(bool(choice.budget_hits))


def _place(choice: Choice) -> tuple[bool, int]:
    return choice.section is Section.OUTPUT, choice.num_tokens
