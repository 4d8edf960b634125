"""ARC-Challenge: 1,172 questions of science at school that retrieval and counting get wrong.

P. Clark et al., "Think you have Solved Question Answering?", 2018, arXiv:1803.05457.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from eval.dataset import Hub, Row, Source, json_lines
from eval.question import Question
from eval.scorers import letters
from eval.task import Shots, Task
from eval.tasks.lettered import NOTE, REASONED, example, lettered

LABELS = "ABCDE"


def read(rows: Sequence[Row], shots: Shots) -> list[Question]:
    """Return the questions, each with the labels of its row: three to five."""
    examples = [example(_asked(row), f"The best answer is {row['answer']}.") for row in shots]
    context = tuple(chain.from_iterable(examples))
    return [
        Question(
            id=row["id"],
            turns=(_asked(row),),
            gold=row["answer"],
            context=context,
            row={"labels": row["labels"], "choices": row["choices"]},
        )
        for row in rows
    ]


def _asked(row: Row) -> str:
    return lettered(row["question"], row["choices"], row["labels"], REASONED)


def convert(row: Row, _: int) -> Row:
    """Turn a row of the hub into one of the file: numbered choices become lettered ones."""
    choices, numbers_or_letters = row["choices"]["text"], list(row["choices"]["label"])
    labels = list(LABELS[: len(choices)])
    return {
        "id": row["id"],
        "question": row["question"],
        "choices": list(choices),
        "labels": labels,
        "answer": labels[numbers_or_letters.index(row["answerKey"])],
    }


def _source(split: str) -> Source:
    return Source(
        folder="arc_challenge",
        files=json_lines(split),
        columns=("id", "question", "choices", "labels", "answer"),
        hub=Hub("allenai/ai2_arc", split, convert, "ARC-Challenge"),
    )


ARC_CHALLENGE = Task(
    name="arc_challenge",
    about="1,172 hard questions of science at school, A to E, with reasons",
    rows=_source("test"),
    shots=_source("train"),
    read=read,
    scorer=letters.ARC,
    chance=0.25,
    note=NOTE,
)
