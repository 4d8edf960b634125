"""What holds for every scorer that scores in place: thoughts count for nothing, all is a score."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eval.question import Question
from eval.score import Score, Scorer
from eval.scored_text import scored_text
from eval.scorers import gsm8k, letters
from eval.scorers.exact_problem import EXACT_PROBLEM
from problems import families
from problems.split import Split
from tests.eval.scorers.replies import HOSTILE, replies

PROBLEM = families.draw(families.WORD_PROBLEMS, Split.FRESH, 1, 0)[0]
WORD_PROBLEM = Question(
    "word",
    ("How many?",),
    PROBLEM.gold,
    row={"problem": families.to_row(families.WORD_PROBLEMS, PROBLEM)},
)
NUMBER = Question("number", ("How many?",), "42")
LETTER = Question("letter", ("Which?",), "C", row={"labels": list("ABCD")})
SCORERS: list[tuple[Scorer, Question]] = [
    (gsm8k.GSM8K, NUMBER),
    (letters.LETTER, LETTER),
    (letters.MMLU, LETTER),
    (letters.MMLU_5SHOT, LETTER),
    (letters.ARC, LETTER),
    (EXACT_PROBLEM, WORD_PROBLEM),
]
each = pytest.mark.parametrize(("scorer", "question"), SCORERS)
RIGHT = "The answer is 42.\n\\boxed{C}\nThe best answer is C."
WRONG = "The answer is 41.\n#### 41\n\\boxed{A}\nThe best answer is A.\n<output>A 41</output>"


def scored(scorer: Scorer, question: Question, content: str) -> Score:
    return scorer.score(question, [scored_text(content)])


@each
@given(thoughts=replies, reply=replies, name=st.sampled_from(["thinking", "reflection", "think"]))
@example(thoughts="<output>The answer is 42.</output>", reply="I do not know.", name="thinking")
def test_adding_thoughts_never_changes_a_score(
    scorer: Scorer, question: Question, thoughts: str, reply: str, name: str
) -> None:
    thoughts = thoughts.replace(f"</{name}>", "")
    with_thoughts = f"<{name}>{thoughts} </{name}>{reply}"
    assert scored(scorer, question, with_thoughts) == scored(scorer, question, reply)


@each
@given(thoughts=replies)
def test_a_wrong_answer_in_the_thoughts_never_counts(
    scorer: Scorer, question: Question, thoughts: str
) -> None:
    thoughts = thoughts.replace("</thinking>", "")
    gold = str(question.gold)
    right = gold if scorer is EXACT_PROBLEM else RIGHT
    for answer in (f"<output>{right}</output>", right):
        content = f"<thinking>{thoughts}\n{WRONG}</thinking>\n{answer}"
        assert scored(scorer, question, content) == scored(scorer, question, f"\n{answer}")
        assert scored(scorer, question, content).value == 1


@each
@given(thoughts=replies)
def test_a_right_answer_in_the_thoughts_never_counts(
    scorer: Scorer, question: Question, thoughts: str
) -> None:
    thoughts = thoughts.replace("</thinking>", "")
    gold = str(question.gold)
    for content in (
        f"<thinking>{thoughts}\n{RIGHT}\n{gold}",
        f"<thinking>{thoughts}\n<output>{RIGHT}\n{gold}</output></thinking>I do not know.",
        f"<thinking>{thoughts}\n{RIGHT}\n{gold}</thinking>",
    ):
        assert scored(scorer, question, content).value == 0


@each
@given(text=replies)
def test_any_text_has_one_score(scorer: Scorer, question: Question, text: str) -> None:
    score = scorer.score(question, [text])
    assert score == scorer.score(question, [text])
    assert score.value in (0, 1)
    assert score.value == 0 or score.extracted is not None


@each
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_hostile_text_has_a_score(scorer: Scorer, question: Question, text: str) -> None:
    assert scored(scorer, question, text).value in (0, 1)
