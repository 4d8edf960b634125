"""Teacher: a model behind an endpoint that is asked each thing once, whatever happens between."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from client.endpoint import AskError, Endpoint
from client.turn import Failure, Turn
from files.errors import UserError
from train.errors import TrainError
from train.recycling.calls import Calls, Request, Spending
from train.recycling.parsing import Parsed, parse
from train.recycling.prompts import render
from train.recycling.settings import Teacher as TeacherSettings
from train.recycling.status import Status
from train.sample import Sample

MAX_ERRORS_IN_A_ROW = 20
TOO_LONG = (
    "context_length_exceeded",
    "context length",
    "context window",
    "too long",
    "too many tokens",
    "max_model_len",
)
FILTERED = ("content_filter", "content filter", "content management", "content policy")
AGAIN = frozenset({Status.PARSE_FAILED, Status.TRUNCATED})  # what another temperature may mend
NOT_ASKED = Failure("not asked")


class Teacher:
    """Asks in the bounds of `concurrency`; a slot that becomes free is refilled at once.

    It asks nothing more, and what is under way ends, after `stop`, when `max_cost` is spent, and
    when the endpoint has failed so often in a row that more requests would be wasted, or does not
    tell what `max_cost` wants to know: then `error` says why.
    """

    def __init__(self, endpoint: Endpoint, calls: Calls, settings: TeacherSettings) -> None:
        self._endpoint, self._calls, self._settings = endpoint, calls, settings
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._under_way: dict[str, asyncio.Event] = {}
        self._reflections = Spending()
        self.is_stopped, self._errors_in_a_row = False, 0
        self.error: UserError | None = None

    def stop(self) -> None:
        """Ask nothing more, nor again what waits for that."""
        self.is_stopped = True
        self._endpoint.stop()

    @property
    def cost(self) -> float:
        """What all replies of the run have cost, those of earlier sessions included."""
        return self._price(self._calls.spending)

    @property
    def cost_of_reflections(self) -> float:
        """What the replies cost that this session's reflections came from, asked now or before."""
        return self._price(self._reflections)

    def _price(self, spent: Spending) -> float:
        settings = self._settings
        return (spent.read * settings.price_read + spent.written * settings.price_written) / 1e6

    async def reflect(
        self, sample_id: str, prompt: str, sample: Sample, blocks: Sequence[str]
    ) -> tuple[Parsed, int]:
        """Ask for a reflection until it can be read; return it and the number of attempts."""
        messages = tuple(render(prompt, sample))
        request = Request(sample_id, self._endpoint.model, prompt, messages, {})
        turns: list[Turn] = []
        for attempt, temperature in enumerate(self._settings.temperatures):
            options = self._options(temperature)
            answer = await self._ask(replace(request, attempt=attempt, options=options))
            if isinstance(answer, Turn):
                turns.append(answer)
                parsed = parse(answer, blocks)
            else:
                parsed = _failed(answer)
            if parsed.status not in AGAIN:
                break
        if not parsed.status.is_passing:
            for turn in turns:
                self._reflections.add(turn.usage)
        return parsed, attempt + 1

    def _options(self, temperature: float) -> dict[str, Any]:
        """Return what a request says beside model and messages."""
        settings = self._settings
        ours = {
            "top_p": settings.top_p,
            "max_tokens": settings.max_tokens,
            "temperature": temperature,
        }
        said = (ours | settings.fields).items()
        return {name: value for name, value in said if name not in ours or value is not False}

    async def _ask(self, request: Request) -> Turn | Failure:
        """Return what the journal knows, else what the endpoint says.

        Two samples may come to the same pair: its better answer is paid for once.
        """
        key = request.key
        while key in self._under_way:
            await self._under_way[key].wait()
        if (known := self._calls.answer(key)) is not None:
            return known
        self._under_way[key] = asyncio.Event()
        try:
            return await self._ask_endpoint(key, request)
        finally:
            self._under_way.pop(key).set()

    async def _ask_endpoint(self, key: str, request: Request) -> Turn | Failure:
        async with self._slots:
            self._check_usage()
            if not self._may_ask():
                return NOT_ASKED
            self._calls.begin(key, request)
            try:
                answer = await self._answer(request)
            except UserError as error:  # of the whole endpoint: nothing about this request
                self.error = self.error or error
                return NOT_ASKED
            is_final = isinstance(answer, Failure) and not _failed(answer).status.is_passing
            self._calls.end(key, answer, is_final=is_final)
            return answer

    @property
    def has_ended(self) -> bool:
        """Whether the session is at its end, with samples left for the next."""
        return self.is_stopped or self.error is not None

    def _may_ask(self) -> bool:
        is_spent = 0 < self._settings.max_cost <= self.cost
        return not (self.has_ended or is_spent)

    def _check_usage(self) -> None:
        """End the session if costs are limited, and are not known."""
        num_untold = self._calls.spending.num_untold
        if self._settings.max_cost and num_untold:
            self.error = self.error or TrainError(
                f"teacher.max_cost is no limit here: the endpoint told of {num_untold:,} replies "
                "no usage, so that their cost is not known. Ask one that tells it, or set 0."
            )

    async def _answer(self, request: Request) -> Turn | Failure:
        try:
            turn = await self._endpoint.ask(request.messages, request.options)
        except AskError as error:
            self._count(error.failure)
            return error.failure
        self._errors_in_a_row = 0
        return turn

    def _count(self, failure: Failure) -> None:
        """Count failures that are not about one request; too many in a row end the run."""
        if self.is_stopped or _failed(failure).status != Status.API_ERROR:
            return
        self._errors_in_a_row += 1
        if self._errors_in_a_row >= MAX_ERRORS_IN_A_ROW:
            self.error = self.error or TrainError(
                f"gave up after {self._errors_in_a_row} errors in a row, the last: "
                f"{failure.told}. What came before is kept; the same command goes on."
            )


def _failed(failure: Failure) -> Parsed:
    """Return the status of a request without a reply.

    What the endpoint says of this very text is final; another 400 may be of how the endpoint was
    started or asked, and costs nothing to ask again.
    """
    if failure is NOT_ASKED:
        return Parsed(Status.SKIPPED, reason=failure.message)
    said = f"{failure.code} {failure.message}".casefold()
    if failure.status in {400, 413, 422}:
        if failure.status == 413 or any(words in said for words in TOO_LONG):
            return Parsed(Status.TOO_LONG, reason=failure.told)
        if any(words in said for words in FILTERED):
            return Parsed(Status.REFUSED, reason=failure.told)
    return Parsed(Status.API_ERROR, reason=failure.told)
