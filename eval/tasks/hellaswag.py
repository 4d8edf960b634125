"""HellaSwag: 10,042 situations, each with four ways to go on, one of which makes sense.

R. Zellers et al., "HellaSwag: Can a Machine Really Finish Your Sentence?", 2019, arXiv:1905.07830.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from eval.dataset import Hub, Row, Source, json_lines
from eval.question import Question
from eval.scorers import letters
from eval.task import Shots, Task
from eval.tasks.lettered import NOTE, REASONED, lettered

ASK = "Which of the four endings continues this text best?\n\n{}"
TITLE, MARK = " [title]", re.compile(r"\[.*?\]")


def read(rows: Sequence[Row], _: Shots) -> list[Question]:
    """Return the questions."""
    return [
        Question(
            id=row["id"],
            turns=(lettered(ASK.format(row["ctx"]), row["endings"], letters.LETTERS, REASONED),),
            gold=letters.LETTERS[row["label"]],
            row={"labels": letters.LETTERS, "choices": row["endings"]},
        )
        for row in rows
    ]


def convert(row: Row, number: int) -> Row:
    """Turn a row of the hub into one of the file: activity and context, without their marks."""
    return {
        "id": f"hellaswag-val-{number}",
        "ctx": _without_marks(f"{row['activity_label']}: {row['ctx']}"),
        "label": int(row["label"]),
        "endings": [_without_marks(ending) for ending in row["endings"]],
    }


def _without_marks(text: str) -> str:
    return MARK.sub("", text.strip().replace(TITLE, ". ")).replace("  ", " ")


HELLASWAG = Task(
    name="hellaswag",
    about="10,042 situations: which of four endings, A to D",
    rows=Source(
        folder="hellaswag",
        files=json_lines("val"),
        columns=("id", "ctx", "endings", "label"),
        hub=Hub("Rowan/hellaswag", "validation", convert),
    ),
    read=read,
    scorer=letters.LETTER,
    chance=0.25,
    note=NOTE,
)
