"""Generated problems: the problem itself checks the answer, beside which nothing may stand.

A word problem wants its number alone; a puzzle an expression that uses each number once and is the
target, `= target` behind it or not.
"""

from __future__ import annotations

from collections.abc import Sequence

from eval.question import Question
from eval.score import UNANSWERED, Score, Scorer
from problems.families import from_row
from problems.problem import Problem
from problems.reflections import stated_answer


def problem_of(question: Question) -> Problem | None:
    """Return the problem that a generated question asks; None of any other question."""
    row = question.row.get("problem")
    return None if row is None else from_row(row)


def score(question: Question, texts: Sequence[str]) -> Score:
    """Check the whole visible answer."""
    answer = texts[0]
    if not answer.strip():
        return Score(0, flags=(UNANSWERED,))
    problem = from_row(question.row["problem"])
    return Score(
        float(problem.is_right(answer)), extracted=problem.canonical(answer), rule="whole answer"
    )


def stated(question: Question, thoughts: str) -> str | None:
    """Return the last attempt, or the last step's result, before the first reflection."""
    return stated_answer(from_row(question.row["problem"]), thoughts)


EXACT_PROBLEM = Scorer("exact_problem", version=1, score=score, stated=stated)
