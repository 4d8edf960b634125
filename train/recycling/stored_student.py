"""StoredStudent: the student of a run, with all that it scored before in the run's folder."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from train.scoring.scorer import Scorer
from train.scoring.settings import Score
from train.scoring.store import Scores
from train.scoring.target import Likelihood, Target
from train.scoring.templates import Template

SHARD = "recycling"


class StoredStudent:
    """Loads the model at once; the stack closes its journal. One per session."""

    def __init__(self, settings: Score, folder: Path, stack: ExitStack) -> None:
        self._scores = stack.enter_context(Scores(folder, SHARD))
        self._scorer = Scorer(settings)

    @property
    def template(self) -> Template:
        """How a question stands before its response."""
        return self._scorer.template

    def score(self, targets: Sequence[Target]) -> list[Likelihood]:
        """Return the likelihoods in the order of the targets; what is stored is not computed."""
        return self._scores.score(self._scorer, targets)
