"""Ratios: IFD and r-IFD of pairs, scored by the student a block at a time, off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from train.recycling.status import Status
from train.sample import Sample
from train.scoring.ratios import ifd_targets, ratio, rifd_targets
from train.scoring.target import Likelihood, Target
from train.scoring.templates import Template

Cut = Callable[[str, str, str, Template, str], tuple[Target, Target]]


class Student(Protocol):
    """What is asked of it: `train.scoring`'s Scorer, behind the store of its scores."""

    @property
    def template(self) -> Template:
        """How a question stands before its response."""
        ...

    def score(self, targets: Sequence[Target]) -> list[Likelihood]:
        """Return the likelihoods in the order of the targets."""
        ...


@dataclass(frozen=True, slots=True)
class Pair:
    """An instruction and its response under the name that its scores are kept by."""

    key: str
    sample: Sample


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of perplexities with both of them; None where the student gave no number."""

    status: Status
    value: float | None = None
    perplexity: float | None = None
    perplexity_given: float | None = None

    @classmethod
    def of(cls, conditional: Likelihood, unconditional: Likelihood) -> Ratio:
        """Divide what two passes gave; the first that failed gives the status."""
        value = ratio(conditional, unconditional)
        failed = [one.status for one in (conditional, unconditional) if one.status != "ok"]
        if failed or value is None:
            is_too_long = "too_long" in failed
            return cls(Status.TOO_LONG if is_too_long else Status.SCORE_FAILED)
        return cls(Status.OK, value, unconditional.perplexity, conditional.perplexity)


class Ratios:
    """One per run; opens the student when the first pair is to be scored.

    has_ended: whether the session has; what waits then is skipped, the call under way ends.
    A block of pairs is one call of the student, so that its batches, and with them the last bits of
    the numbers, are the same however the run was interrupted.
    """

    def __init__(
        self, open_student: Callable[[], Student], has_ended: Callable[[], bool] = lambda: False
    ) -> None:
        self._open_student, self._has_ended = open_student, has_ended
        self._student: Student | None = None
        self._turn = asyncio.Lock()

    async def ifd(self, pairs: Sequence[Pair]) -> list[Ratio]:
        """Return the IFD of each pair."""
        return await self._ratios(pairs, ifd_targets)

    async def rifd(self, pairs: Sequence[Pair]) -> list[Ratio]:
        """Return the reversed IFD of each pair."""
        return await self._ratios(pairs, rifd_targets)

    async def _ratios(self, pairs: Sequence[Pair], cut: Cut) -> list[Ratio]:
        if not pairs:
            return []
        async with self._turn:
            if self._has_ended():
                return [Ratio(Status.SKIPPED)] * len(pairs)
            return await asyncio.to_thread(self._score, pairs, cut)

    def _score(self, pairs: Sequence[Pair], cut: Cut) -> list[Ratio]:
        if self._student is None:
            self._student = self._open_student()
        template = self._student.template
        targets: list[Target] = []
        for pair in pairs:
            sample = pair.sample
            targets += cut(pair.key, sample.instruction, sample.response, template, sample.input)
        found = self._student.score(targets)
        return [Ratio.of(*both) for both in zip(found[::2], found[1::2], strict=True)]
