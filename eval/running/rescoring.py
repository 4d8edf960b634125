"""Rescoring: the samples of a run with the scores that today's scorer gives their replies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from eval.errors import RunError
from eval.judges.filed_scores import scores_by_verdicts
from eval.question import Question
from eval.running.digest import digest
from eval.running.run_folder import RunFolder
from eval.running.scoring import Scoring
from eval.sample import Sample, flags_of
from eval.score import Score
from eval.task import Task

Samples = dict[tuple[str, int], Sample]


@dataclass(frozen=True, slots=True)
class Rescored:
    """A run's samples as they are filed, and as they are scored now.

    lacks_compat: whether lm-eval's scores were filed and cannot be had here; they are taken over
    """

    filed: Samples
    now: Samples
    lacks_compat: bool = False

    def changes(self) -> Iterator[tuple[Sample, Sample]]:
        """Yield the samples whose score is another now: before, after."""
        for key, sample in self.filed.items():
            if digest([sample]) != digest([self.now[key]]):
                yield sample, self.now[key]


def rescore(
    folder: RunFolder, task: Task, workers: int | None = None, data: Path | None = None
) -> Rescored:
    """Score every reply of the run again; what a judge said is taken from its filed verdicts."""
    filed = folder.samples()
    if task.scorer is None:
        scores = scores_by_verdicts(folder, task)
        # A judge sees an answer that was cut off as it stands, and its verdict is the score.
        now = {key: replace(_bare(one), score=scores.get(key)) for key, one in filed.items()}
        return Rescored(filed, now)
    questions = folder.questions()
    answered = {key: sample for key, sample in filed.items() if not sample.failure}
    with Scoring(task.scorer, workers, data) as scoring:
        fresh = scoring.score_all(_pairs(folder, questions, answered.values()))
    lacks_compat = _has_compat(sample.score for sample in filed.values()) and not _has_compat(fresh)
    now = {key: _bare(sample) for key, sample in filed.items()}
    for (key, sample), score in zip(answered.items(), fresh, strict=True):
        compat = sample.score.compat if lacks_compat and sample.score else score.compat
        now[key] = _bare(sample).scored(replace(score, compat=compat))
    return Rescored(filed, now, lacks_compat)


def _bare(sample: Sample) -> Sample:
    """Return the sample without a score, with the flags that its replies raise today."""
    return replace(sample, score=None, flags=flags_of(sample.turns, sample.failure))


def _pairs(
    folder: RunFolder, questions: dict[str, Question], samples: Iterable[Sample]
) -> list[tuple[Question, list[str]]]:
    try:
        return [(questions[sample.id], sample.texts) for sample in samples]
    except KeyError as error:
        raise RunError(
            f"{folder.path}: a sample of a question that is not filed: {error}"
        ) from error


def _has_compat(scores: Iterable[Score | None]) -> bool:
    return any(score is not None and score.compat is not None for score in scores)
