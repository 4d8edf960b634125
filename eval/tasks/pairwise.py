"""Two models' answers to the 1,030 instructions of five test sets, graded side by side.

The sets and the score are those of Selective Reflection-Tuning (M. Li et al., 2024), section 4:
Vicuna (80), Koala (180), WizardLM (218), Self-Instruct (252), LIMA (300).
"""

from __future__ import annotations

from collections.abc import Sequence

from eval.dataset import Row, Source
from eval.judges.matches import match_figures
from eval.judges.pairwise import PAIRWISE as JUDGING
from eval.question import Question
from eval.task import Shots, Task


def read(rows: Sequence[Row], shots: Shots) -> list[Question]:
    """Ask the instruction, with its input below where it has one."""
    del shots
    return [
        Question(id=row["id"], turns=(_asked(row),), gold=None, group=row["set"]) for row in rows
    ]


def _asked(row: Row) -> str:
    parts = (row["instruction"], row["input"])
    return "\n\n".join(part for part in parts if part.strip())


PAIRWISE = Task(
    name="pairwise",
    about="1,030 instructions of five sets; a judge grades two runs side by side, in both orders",
    rows=Source(
        folder="pairwise_test_sets",
        files=("instructions.jsonl",),
        columns=("id", "set", "instruction", "input"),
    ),
    read=read,
    judging=JUDGING,
    figures=match_figures,
    note="The score is (win - lose) / n + 1: 1 is even, 2 wins all. It says nothing but how this "
    "judge sees this opponent. Judge errors count as lost and are counted apart.",
)
