"""One conversation, its answers graded one by one (MT-Bench): 1 to 10, with references for some.

L. Zheng et al., "Judging LLM-as-a-Judge with MT-Bench and Chatbot Arena" (2023), section 3.1. A
turn without an answer is not put to the judge and counts 0, below the scale; so does a turn whose
verdict could not be had or read (JUDGE_ERROR).
"""

from __future__ import annotations

from eval.judges.judging import JUDGE_ERROR, Judging, ReadGrades, Texts
from eval.judges.prompt import render
from eval.judges.quoting import quote
from eval.judges.verdict import RATING as RATING_FORM
from eval.question import Question
from eval.score import Score


def ask(question: Question, texts: Texts, opponents: Texts, as_json: bool) -> list[str]:
    """Ask for a grade of each answer that is not empty, shown with the turns before it."""
    del opponents
    exchanges = [
        (quote(asked, "Q"), quote(answered, "A"), quote(reference, "R") if reference else "")
        for asked, answered, reference in zip(
            question.turns, texts, _references(question), strict=False
        )
    ]
    return [
        render(
            "rating",
            exchanges=exchanges[: turn + 1],
            has_reference=any(reference for _, _, reference in exchanges[: turn + 1]),
            as_json=as_json,
        )
        for turn in _answered(texts)
    ]


def score(question: Question, texts: Texts, opponents: Texts, grades: ReadGrades) -> Score:
    """Score the mean grade of the turns."""
    del opponents
    ratings = [0] * len(question.turns)
    for turn, grade in zip(_answered(texts), grades, strict=True):
        ratings[turn] = grade[0] if grade else 0
    flags = (JUDGE_ERROR,) if None in grades else ()
    value = sum(ratings) / len(ratings)
    return Score(value, rule="grades", details={"turns": ratings}, flags=flags)


def _answered(texts: Texts) -> list[int]:
    return [turn for turn, text in enumerate(texts) if text.strip()]


def _references(question: Question) -> list[str]:
    found: list[str] = list(question.row.get("references", ()))
    return found + [""] * (len(question.turns) - len(found))


RATING = Judging(
    name="rating",
    version=1,
    form=RATING_FORM,
    ask=ask,
    score=score,
    is_pairwise=False,
    unit="mean grade, in [1, 10]",
)
