"""Scoring: takes the scores of a run, in place or in worker processes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from eval.question import Question
from eval.running.worker import Worker
from eval.running.worker_process import take
from eval.score import Score, Scorer

MAX_WORKERS = 8


class Scoring:
    """Takes scores while it is open (`with` or `async with`); one per run.

    A scorer without a limit is called in place. One with a limit has worker processes, each with a
    thread that waits for it; a score that runs over its limit or ends its process is wrong and
    flagged, and no other score is touched. Scores do not depend on their order or on `workers`.

    data: the folder the scorer's `prepare` may look into
    """

    def __init__(
        self, scorer: Scorer, workers: int | None = None, data: Path | None = None
    ) -> None:
        self._scorer = scorer
        self._data = data
        self._num_workers = workers or _num_cores()
        self._idle: SimpleQueue[Worker] = SimpleQueue()
        self._threads: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        """Start the workers, or prepare in place; raises EvalError where something is missing."""
        if self._scorer.limit_s is not None:
            self._start(self._scorer.limit_s)
        elif self._scorer.prepare is not None:
            self._scorer.prepare(self._data)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Drop the scores that nobody waits for any more, and end the workers."""
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
        while not self._idle.empty():
            self._idle.get().stop()

    async def __aenter__(self) -> Self:
        """Start as `with` does, beside the event loop."""
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End as `with` does, beside the event loop."""
        await asyncio.to_thread(self.__exit__, kind, error, trace)

    async def score(self, question: Question, texts: Sequence[str]) -> Score:
        """Score the scored texts of one sample."""
        if self._threads is None:
            return take(self._scorer.score, question, texts)
        future = self._threads.submit(self._score_in_worker, question, texts)
        return await asyncio.wrap_future(future)

    def score_all(self, pairs: Iterable[tuple[Question, Sequence[str]]]) -> list[Score]:
        """Score many samples; the scores are in the order of the pairs."""
        if self._threads is None:
            return [take(self._scorer.score, question, texts) for question, texts in pairs]
        questions, texts = zip(*pairs, strict=True) if (pairs := list(pairs)) else ((), ())
        return list(self._threads.map(self._score_in_worker, questions, texts))

    def _start(self, limit_s: float) -> None:
        workers = [Worker(self._scorer, limit_s, self._data) for _ in range(self._num_workers)]
        for worker in workers:
            self._idle.put(worker)
        try:
            for worker in workers:
                worker.wait_until_ready()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self._threads = ThreadPoolExecutor(self._num_workers, "scoring")

    def _score_in_worker(self, question: Question, texts: Sequence[str]) -> Score:
        worker = self._idle.get()
        try:
            if not worker.is_alive:
                worker = worker.successor()
            return worker.score(question, texts)
        finally:
            self._idle.put(worker)


def _num_cores() -> int:
    return min(len(os.sched_getaffinity(0)), MAX_WORKERS)
