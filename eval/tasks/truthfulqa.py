"""TruthfulQA, MC1: 817 questions that many people answer wrongly; one choice is true.

S. Lin et al., "TruthfulQA: Measuring How Models Mimic Human Falsehoods", 2022, arXiv:2109.07958.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from string import ascii_uppercase

from eval.dataset import Hub, Row, Source, json_lines
from eval.question import Question
from eval.scorers import letters
from eval.task import Shots, Task
from eval.tasks.lettered import NOTE, REASONED, lettered


def read(rows: Sequence[Row], _: Shots) -> list[Question]:
    """Return the questions, with two to thirteen choices each."""
    return [_question(row) for row in rows]


def _question(row: Row) -> Question:
    choices = shuffled(row["id"], [row["best"], *row["incorrect"]])
    labels = list(ascii_uppercase[: len(choices)])
    return Question(
        id=row["id"],
        turns=(lettered(row["question"], choices, labels, REASONED),),
        gold=labels[choices.index(row["best"])],
        group=row["category"],
        row={"labels": labels, "choices": choices},
    )


def shuffled(id: str, choices: Sequence[str]) -> list[str]:
    """Order different choices by a hash: the best one is always the first of the data."""

    def place(choice: str) -> bytes:
        return hashlib.sha256(f"{id}\n{choice}".encode()).digest()

    return sorted(set(choices), key=place)


def convert(row: Row, number: int) -> Row:
    """Turn a row of the hub into one of the file."""
    return {
        "id": f"truthfulqa-{number}",
        "category": row["category"],
        "question": row["question"],
        "best": row["best_answer"],
        "correct": list(row["correct_answers"]),
        "incorrect": list(row["incorrect_answers"]),
    }


TRUTHFULQA = Task(
    name="truthfulqa",
    about="817 questions with a popular wrong answer: the one true choice (MC1)",
    rows=Source(
        folder="truthfulqa",
        files=json_lines("truthfulqa"),
        columns=("id", "category", "question", "best", "incorrect"),
        hub=Hub("truthfulqa/truthful_qa", "validation", convert, "generation"),
    ),
    read=read,
    scorer=letters.LETTER,
    chance=0.226,
    note=NOTE,
)
