"""MT-Bench: 80 conversations of two turns, each answer graded by a judge from 1 to 10.

L. Zheng et al., "Judging LLM-as-a-Judge with MT-Bench and Chatbot Arena" (2023). Reasoning, math
and coding are judged beside GPT-4's answers, which the published references hold.
"""

from __future__ import annotations

from collections.abc import Sequence

from eval.dataset import Beside, Hub, Row, Source
from eval.judges.gradings import grading_figures
from eval.judges.rating import RATING
from eval.question import Question
from eval.task import Shots, Task

REFERENCED = ("reasoning", "math", "coding")


def read(rows: Sequence[Row], shots: Shots) -> list[Question]:
    """Ask both turns; the judge, not the model, sees the reference."""
    del shots
    return [
        Question(
            id=f"mt_bench-{row['question_id']}",
            turns=tuple(row["turns"]),
            gold=None,
            group=row["category"],
            row={"references": _references(row)},
        )
        for row in rows
    ]


def _references(row: Row) -> list[str]:
    if row["category"] not in REFERENCED or not row["reference_answer"]:
        return []
    return list(row["reference_answer"]["choices"][0]["turns"])


def _convert(row: Row, number: int) -> Row:
    """Take the references that come with the prompts; most are shorter than GPT-4's answers."""
    del number
    return {
        "question_id": row["prompt_id"],
        "category": row["category"],
        "turns": list(row["prompt"]),
        "reference_answer": {"choices": [{"turns": list(row["reference"])}]},
    }


MT_BENCH = Task(
    name="mt_bench",
    about="80 conversations of two turns; a judge grades each answer from 1 to 10",
    rows=Source(
        folder="mt_bench",
        files=("question.jsonl",),
        columns=("question_id", "category", "turns"),
        hub=Hub("HuggingFaceH4/mt_bench_prompts", "train", _convert),
        beside=Beside("reference_answer_gpt4.jsonl", "question_id", "reference_answer"),
    ),
    read=read,
    judging=RATING,
    figures=grading_figures,
    note="One temperature for all categories (the original takes 0.7 for writing and roleplay). "
    "The grade is this judge's: compare runs judged alike. An answer or a grade that is missing "
    "counts 0.",
)
