"""Two answers to one question, graded side by side in both orders.

L. Zheng et al., "Judging LLM-as-a-Judge with MT-Bench and Chatbot Arena" (2023), section 3.4: a
judge prefers a place, so each pair is shown twice. Ours and theirs below are the run's answer and
the other side's. A verdict that could not be had or read makes the pair JUDGE_ERROR, and the pair
counts as lost: an answer that can break a judge must not gain by it.
"""

from __future__ import annotations

from typing import Any

from eval.judges.judging import JUDGE_ERROR, Judging, ReadGrades, Texts
from eval.judges.prompt import render
from eval.judges.quoting import quote
from eval.judges.verdict import PAIR
from eval.question import Question
from eval.score import Score

WIN, TIE, LOSE = "win", "tie", "lose"


def ask(question: Question, texts: Texts, opponents: Texts, as_json: bool) -> list[str]:
    """Show ours as A, then as B; nothing is asked where a side has no answer."""
    ours, theirs = texts[-1], opponents[-1]
    if not ours.strip() or not theirs.strip():
        return []
    asked = quote("\n".join(question.turns), "Q")
    return [
        render(
            "pairwise",
            question=asked,
            first=quote(first, "A"),
            second=quote(second, "B"),
            as_json=as_json,
        )
        for first, second in ((ours, theirs), (theirs, ours))
    ]


def signs(grades: ReadGrades) -> list[int] | None:
    """Return +1 where ours was graded higher, -1 theirs, 0 neither; None if a verdict is missing.

    grades: of both orders, as (A, B)
    """
    first, second = grades
    if first is None or second is None:
        return None
    return [_sign(first[0] - first[1]), _sign(second[1] - second[0])]


def score_match(question: Question, texts: Texts, opponents: Texts, grades: ReadGrades) -> Score:
    """Score 2 for a win, 1 for a tie, 0 for a loss: the mean is (wins - losses) / n + 1."""
    del question
    details = _details(texts, opponents, grades)
    if not grades:
        outcome = _unasked(texts, opponents)
        return Score(1.0 + outcome, _NAMES[outcome], rule="no answer", details=details)
    found = signs(grades)
    if found is None:
        return Score(0.0, rule="judge error", details=details, flags=(JUDGE_ERROR,))
    outcome = _sign(sum(found))
    return Score(1.0 + outcome, _NAMES[outcome], rule="both orders", details=details)


def score_preference(
    question: Question, texts: Texts, opponents: Texts, grades: ReadGrades
) -> Score:
    """Score p - 1: p is the mean over the orders of 2 preferred, 1.5 tied, 1 not preferred."""
    match = score_match(question, texts, opponents, grades)
    found = signs(grades) if grades else None
    value = match.value / 2 if found is None else sum(1 + sign for sign in found) / 4
    return Score(value, match.extracted, match.rule, details=match.details, flags=match.flags)


_NAMES = {1: WIN, 0: TIE, -1: LOSE}


def _unasked(texts: Texts, opponents: Texts) -> int:
    """Decide where a side has no answer: who has one wins."""
    return int(bool(texts[-1].strip())) - int(bool(opponents[-1].strip()))


def _details(texts: Texts, opponents: Texts, grades: ReadGrades) -> dict[str, Any]:
    return {
        "grades": [list(pair) if pair else None for pair in grades],
        "signs": signs(grades) if grades else None,
        "chars": [len(texts[-1]), len(opponents[-1])],
    }


def _sign(difference: int) -> int:
    return (difference > 0) - (difference < 0)


PAIRWISE = Judging(
    name="pairwise",
    version=1,
    form=PAIR,
    ask=ask,
    score=score_match,
    unit="(win - lose) / n + 1, in [0, 2]: 1 is even",
)
PREFERENCE = Judging(
    name="preference",
    version=1,
    form=PAIR,
    ask=ask,
    score=score_preference,
    references=("gpt4_1106_preview", "text_davinci_003"),
    unit="win rate: mean of p - 1, in [0, 1]: 0.5 is even",
)
