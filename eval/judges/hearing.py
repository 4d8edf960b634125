"""Hearing: puts cases to a judge over HTTP until every verdict that can be had is filed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from client.endpoint import AskError, Endpoint
from client.turn import Turn
from eval.errors import RunError
from eval.judges.case import Case
from eval.judges.judging import Conversation
from eval.judges.verdicts import Verdicts

MAX_FAILURES_IN_A_ROW = 20
Matter = tuple[Case, int, Conversation]


class Hearing:
    """One pass over cases; `verdicts` is open for writing. What is filed is not asked again.

    on_verdict: called after each verdict, whether it was asked for now, filed before or missed
    """

    def __init__(
        self, endpoint: Endpoint, verdicts: Verdicts, on_verdict: Callable[[], None]
    ) -> None:
        self._endpoint, self._verdicts, self._on_verdict = endpoint, verdicts, on_verdict
        self._under_way: dict[str, asyncio.Task[Turn | None]] = {}
        self._failures_in_a_row = 0

    async def hear(self, cases: Iterable[Case], concurrency: int) -> None:
        """Ask for all verdicts of the cases, so many at a time.

        Raises RunError after many failures in a row; what was replied until then stays filed.
        """
        matters = _matters(cases)
        workers = [asyncio.create_task(self._work(matters)) for _ in range(concurrency)]
        try:
            await asyncio.gather(*workers)
        finally:
            tasks = [*workers, *self._under_way.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, matters: Iterator[Matter]) -> None:
        for case, number, conversation in matters:
            about = {"id": case.sample.id, "epoch": case.sample.epoch, "verdict": number}
            reply = await self._reply(case, conversation, about)
            if reply is not None and not case.judging.is_readable(reply.content):
                await self._reply(case, case.reminded(conversation, reply), about)
            self._on_verdict()

    async def _reply(
        self, case: Case, conversation: Conversation, about: Mapping[str, Any]
    ) -> Turn | None:
        """Return the reply: filed, asked for by another worker just now, or asked for here."""
        key = case.key(conversation)
        if (filed := self._verdicts.reply(key)) is not None:
            return filed
        if key not in self._under_way:
            asking = self._ask(key, case, conversation, about)
            self._under_way[key] = asyncio.create_task(asking)
        try:
            return await self._under_way[key]
        finally:
            self._under_way.pop(key, None)

    async def _ask(
        self, key: str, case: Case, conversation: Conversation, about: Mapping[str, Any]
    ) -> Turn | None:
        fields = case.judge.request_fields(case.judging.form)
        try:
            turn = await self._endpoint.ask(conversation, fields)
        except AskError as error:
            self._verdicts.record_failure(key, about, error.failure)
            self._count_failure(error)
            return None
        self._failures_in_a_row = 0
        self._verdicts.record(key, about, turn)
        return turn

    def _count_failure(self, error: AskError) -> None:
        self._failures_in_a_row += 1
        if self._failures_in_a_row >= MAX_FAILURES_IN_A_ROW:
            raise RunError(
                f"the judge failed {self._failures_in_a_row} times in a row, last with: "
                f"{error.failure.message}. What it decided is kept: run the same command again."
            ) from error


def _matters(cases: Iterable[Case]) -> Iterator[Matter]:
    for case in cases:
        for number, conversation in enumerate(case.conversations):
            yield case, number, conversation
