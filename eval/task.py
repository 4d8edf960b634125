"""Task: questions, how they are scored, and what a run of them reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eval.dataset import Row, Source
from eval.question import Question
from eval.score import Scorer

if TYPE_CHECKING:
    from eval.judges.judging import Judging
    from eval.sample import Sample

Shots = Sequence[Row]
ReadQuestions = Callable[[Sequence[Row], Shots], list[Question]]
Figures = Callable[[Mapping[str, Question], "Sequence[Sample]"], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Generated:
    """Rows that are made, not read: `rows(n, seed)`, a pure function."""

    rows: Callable[[int, int], list[Row]]
    n: int
    seed: int


@dataclass(frozen=True, slots=True)
class Task:
    """One benchmark; constant.

    about: one line for `eval list`
    rows: where the questions are; shots: where few-shot examples are
    read: rows and as many few-shot rows as were asked for -> questions, in the rows' order
    shots_by: the column of `shots` by whose value they are chosen (MMLU: the subject): as many of
        each value; None: as many in all
    scorer: of tasks with a key; judging: of those a judge decides. Exactly one of the two.
    few_shot, temperature: the defaults of its protocol; temperature None: the served model's own
    chance: the score of guessing, where there is one
    figures: what it reports beside the mean, from its questions by id and their samples (those
        without a reply too): macro means, parts; JSON
    note: what a reader of the score must know
    """

    name: str
    about: str
    rows: Source | Generated
    read: ReadQuestions
    scorer: Scorer | None = None
    judging: Judging | None = None
    shots: Source | Generated | None = None
    shots_by: str | None = None
    few_shot: int = 0
    temperature: float | None = 0.0
    chance: float | None = None
    figures: Figures | None = None
    note: str = ""
    packages: tuple[str, ...] = field(default=())
