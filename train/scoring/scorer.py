"""Scorer: the likelihoods of targets under a student, in batches of like length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from train.scoring.encoding import Row
from train.scoring.loading import Identity, identify, load_student
from train.scoring.settings import Score
from train.scoring.student import Student
from train.scoring.target import Likelihood, Target
from train.scoring.templates import Template, make_template

__all__ = ["Likelihood", "Scorer", "Target"]


class Scorer:
    """A student with its settings; loads the model at once. One per process."""

    def __init__(self, settings: Score | Identity) -> None:
        """Load the model; TrainError where it cannot be loaded."""
        identity = identify(settings) if isinstance(settings, Score) else settings
        self.student: Student = load_student(identity)
        self.settings = identity.settings
        self.sha256 = identity.sha256
        self.template: Template = make_template(identity.settings, identity.tokenizer)

    def score(self, targets: Sequence[Target]) -> list[Likelihood]:
        """Return the likelihoods in the order of the targets; equal sequences are scored once.

        Pure: equal lists give equal numbers, to the bit on one machine. The last bits of a number
        depend on the sequences that it was computed together with, which are those of its call.
        """
        rows = [self.student.encoder.encode(target) for target in targets]
        found: dict[Row, Likelihood] = {}
        for batch in self.plan(rows):
            found |= zip(batch, self.student.score(batch), strict=True)
        return [self.look_up(row, found) for row in rows]

    def plan(self, rows: Sequence[Row]) -> Iterator[tuple[Row, ...]]:
        """Yield the different rows that have ids in batches of like length, the longest first."""
        waiting = sorted({row for row in rows if row.ids}, key=lambda row: (-len(row.ids), row.ids))
        batch: list[Row] = []
        for row in waiting:
            width = len((batch or [row])[0].ids)
            if batch and width * (len(batch) + 1) > self.settings.token_budget:
                yield tuple(batch)
                batch = []
            batch.append(row)
        if batch:
            yield tuple(batch)

    @staticmethod
    def look_up(row: Row, found: dict[Row, Likelihood]) -> Likelihood:
        """Return what was found of a row, or why it was not scored."""
        return found[row] if row.ids else Likelihood(0, 0.0, row.status)
