"""Plan: the questions of a task as they will be asked, with all that a manifest says of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.dataset import Dataset, Row, Source, load
from eval.errors import DataError
from eval.question import Question, sha256_of
from eval.running.protocol import Protocol, Treatment
from eval.task import Generated, Task


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked, in order; the same for every model of a run set.

    prompt_sha256: by question id; limit: how many of the data set's questions, None: all
    """

    task: Task
    questions: tuple[Question, ...]
    dataset: Dataset
    protocol: Protocol
    treatment: Treatment
    prompt_sha256: dict[str, str]
    limit: int | None = None

    @property
    def num_asks(self) -> int:
        """Questions times answers of each."""
        return len(self.questions) * self.treatment.num_answers

    def asks(self) -> Iterator[tuple[Question, int]]:
        """Yield question and epoch: all questions once before any a second time."""
        for epoch in range(self.treatment.num_answers):
            for question in self.questions:
                yield question, epoch

    def identity(self) -> dict[str, Any]:
        """Return the manifest's protocol, treatment and data: a resumed run's must be equal."""
        protocol, treatment = self.protocol, self.treatment
        return {
            "protocol": {
                "name": protocol.name,
                "prompts_sha256": sha256_of(list(self.prompt_sha256.values())),
                "few_shot": protocol.few_shot,
                "system": protocol.system,
                "temperature": protocol.temperature,
                "top_p": protocol.top_p,
                "max_tokens": protocol.max_tokens,
            },
            "treatment": {
                "effort": treatment.effort,
                "seed": treatment.seed,
                "epochs": treatment.epochs,
                "repeat": treatment.repeat,
                "fields": dict(treatment.fields),
            },
            "data": {
                "origin": self.dataset.origin,
                "sha256": self.dataset.sha256,
                "file_sha256": self.dataset.file_sha256,
                "n": len(self.questions),
                "ids_sha256": sha256_of(list(self.prompt_sha256)),
                "limit": self.limit,
            },
        }


def make_plan(
    task: Task,
    protocol: Protocol,
    treatment: Treatment,
    data: Path | None = None,
    limit: int | None = None,
) -> Plan:
    """Read the task's questions; raises DataError where they are not there or not in order."""
    dataset = _dataset(task, data)
    questions = task.read(dataset.rows, _shots(task, protocol.few_shot, data))
    _check(task, questions)
    if limit is not None and limit < len(questions):
        questions = subset(questions, limit)
    return Plan(
        task=task,
        questions=tuple(questions),
        dataset=dataset,
        protocol=protocol,
        treatment=treatment,
        prompt_sha256={q.id: q.prompt_sha256(protocol.system) for q in questions},
        limit=limit,
    )


def subset(questions: Sequence[Question], limit: int) -> list[Question]:
    """Return `limit` questions in their order: those whose ids have the least hashes.

    They are the same for everybody, spread over the groups of a sorted file, and part of the
    questions of every higher limit.
    """
    by_hash = sorted(questions, key=lambda q: hashlib.sha256(q.id.encode()).digest())
    chosen = {question.id for question in by_hash[:limit]}
    return [question for question in questions if question.id in chosen]


def _dataset(task: Task, data: Path | None) -> Dataset:
    if isinstance(task.rows, Generated):
        rows = task.rows.rows(task.rows.n, task.rows.seed)
        return Dataset.of(rows, f"generated: n {task.rows.n}, seed {task.rows.seed}")
    return load(task.rows, data)


def _shots(task: Task, few_shot: int, data: Path | None) -> list[Row]:
    """Return the first `few_shot` rows; of each group where the task takes them by group."""
    if few_shot == 0:
        return []
    if task.shots is None:
        raise DataError(f"{task.name} has no few-shot examples: --few-shot 0 is all it can do")
    rows = _examples(task.shots, data)
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[task.shots_by] if task.shots_by else None, []).append(row)
    least = min(map(len, groups.values()))
    if few_shot > least:
        raise DataError(f"{task.name} has {least} few-shot examples, --few-shot asks {few_shot}")
    return [row for group in groups.values() for row in group[:few_shot]]


def _examples(shots: Source | Generated, data: Path | None) -> Sequence[Row]:
    if isinstance(shots, Generated):
        return shots.rows(shots.n, shots.seed)
    return load(shots, data.parent if data is not None and data.is_file() else data).rows


def _check(task: Task, questions: Sequence[Question]) -> None:
    seen: set[str] = set()
    for question in questions:
        if question.id in seen:
            raise DataError(f"{task.name}: two questions have the id {question.id!r}")
        seen.add(question.id)
    if not questions:
        raise DataError(f"{task.name} has no question")
