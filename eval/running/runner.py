"""Runner: asks what a plan asks and nobody answered yet, scores it, writes each sample at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from client.endpoint import AskError, Endpoint
from client.together import together
from client.turn import Failure, Turn
from eval.question import Question
from eval.running.plan import Plan
from eval.running.run_folder import RunFolder
from eval.sample import ERROR, Sample, flags_of
from eval.score import Score

MAX_ERRORS_IN_A_ROW = 20


class Scores(Protocol):
    """What takes scores: eval.running.scoring.Scoring."""

    async def score(self, question: Question, texts: list[str]) -> Score:
        """Score the texts of one sample."""


class Watch(Protocol):
    """Who is told of each sample: eval.running.progress.Progress."""

    def add(self, sample: Sample) -> None:
        """Take note of a new sample."""


class Runner:
    """One run of a plan with one model; as many questions at a time as the endpoint allows.

    scoring: None where a judge decides later
    """

    def __init__(
        self,
        plan: Plan,
        endpoint: Endpoint,
        folder: RunFolder,
        scoring: Scores | None,
        watch: Watch,
    ) -> None:
        self._plan, self._endpoint = plan, endpoint
        self._folder, self._scoring, self._watch = folder, scoring, watch
        self._errors_in_a_row = 0

    @property
    def has_given_up(self) -> bool:
        """Whether so many errors came in a row that more questions would be wasted."""
        return self._errors_in_a_row >= MAX_ERRORS_IN_A_ROW

    async def run(self, samples: dict[tuple[str, int], Sample]) -> None:
        """Ask all but what `samples` answers, and put what comes back there and in the folder."""
        asks = iter(
            [
                (question, epoch)
                for question, epoch in self._plan.asks()
                if (known := samples.get((question.id, epoch))) is None or known.status == ERROR
            ]
        )
        await together(self._work(asks, samples) for _ in range(self._endpoint.concurrency))

    async def _work(
        self, asks: Iterator[tuple[Question, int]], samples: dict[tuple[str, int], Sample]
    ) -> None:
        for question, epoch in asks:
            if self.has_given_up:
                return
            sample = await self._sample(question, epoch)
            self._errors_in_a_row = self._errors_in_a_row + 1 if sample.failure else 0
            self._folder.append(sample)
            samples[question.id, epoch] = sample
            self._watch.add(sample)

    async def _sample(self, question: Question, epoch: int) -> Sample:
        turns, failure, attempts = await self._ask(question, epoch)
        sample = Sample(
            id=question.id,
            epoch=epoch,
            group=question.group,
            cluster=question.cluster,
            prompt_sha256=self._plan.prompt_sha256[question.id],
            turns=tuple(turns),
            failure=failure,
            attempts=attempts,
            flags=flags_of(turns, failure),
        )
        if failure is not None or self._scoring is None:
            return sample
        return sample.scored(await self._scoring.score(question, sample.texts))

    async def _ask(self, question: Question, epoch: int) -> tuple[list[Turn], Failure | None, int]:
        """Say the user's turns one after the other, each after the reply to the last."""
        protocol = self._plan.protocol
        fields = protocol.fields() | self._plan.treatment.request_fields(epoch)
        messages = protocol.opening(question)
        turns: list[Turn] = []
        attempts = 0
        for text in question.turns:
            messages.append({"role": "user", "content": text})
            try:
                turn, num_requests = await self._endpoint.ask_counting(messages, fields)
            except AskError as error:
                return turns, error.failure, attempts + error.attempts
            attempts += num_requests
            turns.append(turn)
            messages.append({"role": "assistant", "content": turn.content})
        return turns, None, attempts
