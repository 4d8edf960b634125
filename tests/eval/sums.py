"""A task of sums, the smallest that there is, and its data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from eval.dataset import Row, Source
from eval.question import Question
from eval.score import UNANSWERED, Score, Scorer
from eval.task import Task


def rows(n: int) -> list[Row]:
    return [{"question": f"What is {i} + {i}?", "sum": 2 * i, "kind": i % 3} for i in range(n)]


def golds(n: int) -> dict[str, int]:
    return {row["question"]: row["sum"] for row in rows(n)}


def write(folder: Path, n: int) -> Path:
    """Write n rows and return the file."""
    file = folder / "sums.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows(n)))
    return file


def read(rows: Sequence[Row], shots: Sequence[Row]) -> list[Question]:
    context = tuple(
        {"role": role, "content": content}
        for shot in shots
        for role, content in (("user", shot["question"]), ("assistant", f"#### {shot['sum']}"))
    )
    return [
        Question(f"sums-{i}", (row["question"],), str(row["sum"]), f"kind {row['kind']}", context)
        for i, row in enumerate(rows)
    ]


def score(question: Question, texts: Sequence[str]) -> Score:
    """Take what stands after the last `####`."""
    answer = texts[-1].rpartition("####")[2].strip() if "####" in texts[-1] else None
    if answer is None:
        return Score(0.0, flags=(UNANSWERED,))
    return Score(float(answer == question.gold), answer, "####")


SUMS = Task(
    name="sums",
    about="sums of two equal numbers",
    rows=Source("sums", ("sums.jsonl",), ("question", "sum")),
    shots=Source("sums", ("shots.jsonl", "sums.jsonl"), ("question", "sum")),
    read=read,
    scorer=Scorer("sums", 1, score),
)
