"""AlpacaEval: 805 instructions, answers judged against a reference model's.

X. Li et al., "AlpacaEval: An Automatic Evaluator of Instruction-following Models" (2023). The
length-controlled rate (Y. Dubois et al., 2024) is not shown: it needs the judge's preferences of
every model on every instruction, the published leaderboards hold only their means, so that ours
could not be checked against theirs.
"""

from __future__ import annotations

from collections.abc import Sequence

from eval.dataset import Row, Source
from eval.judges.matches import preference_figures
from eval.judges.pairwise import PREFERENCE
from eval.question import Question
from eval.task import Shots, Task


def read(rows: Sequence[Row], shots: Shots) -> list[Question]:
    """Ask the instruction; the references stay with the question."""
    del shots
    return [
        Question(
            id=row["id"],
            turns=(row["instruction"],),
            gold=None,
            group=row["dataset"],
            row={"references": {name: row[f"reference_{name}"] for name in PREFERENCE.references}},
        )
        for row in rows
    ]


ALPACA_EVAL = Task(
    name="alpaca_eval",
    about="805 instructions; a judge prefers the answer or a reference model's, in both orders",
    rows=Source(
        folder="alpaca_eval",
        files=("prompts.jsonl.gz", "prompts.jsonl"),
        columns=(
            "id",
            "dataset",
            "instruction",
            *(f"reference_{name}" for name in PREFERENCE.references),
        ),
    ),
    read=read,
    judging=PREFERENCE,
    figures=preference_figures,
    note="Our prompt, your judge, both orders: compare it with runs judged alike, not with the "
    "published leaderboards. No length-controlled rate: the published files cannot verify one; "
    "read the mean lengths. Judge errors count as lost and are counted apart.",
)
