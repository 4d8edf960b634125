import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.question import Question
from eval.score import UNANSWERED
from eval.scored_text import scored_text
from eval.scorers.exact_problem import EXACT_PROBLEM, problem_of, score, stated
from problems.countdown import Puzzle
from problems.families import COUNTDOWN, WORD_PROBLEMS, to_row
from problems.step import Step
from problems.word_problems import WordProblem

PUZZLE = Puzzle("Make 26 from 3, 7 and 5.", (3, 7, 5), 26)
STORY = WordProblem("Anna has 12 pens ...", (Step(12, "+", 5), Step(17, "*", 2)), (12, 5, 2))
PUZZLING = Question("1", (PUZZLE.prompt,), "26", row={"problem": to_row(COUNTDOWN, PUZZLE)})
TELLING = Question("2", (STORY.prompt,), "34", row={"problem": to_row(WORD_PROBLEMS, STORY)})


@pytest.mark.parametrize(
    ("question", "answer", "value", "extracted"),
    [
        (PUZZLING, "(3 * 7) + 5 = 26", 1, "3*7+5"),
        (PUZZLING, "5+7*3\n", 1, "5+7*3"),
        (PUZZLING, "(3 * 7) + 5 = 27", 0, "3*7+5=27"),
        (PUZZLING, "(3 + 7) + 5 = 15", 0, "3+7+5=15"),
        (PUZZLING, "26", 0, "26"),
        (PUZZLING, "The answer is (3 * 7) + 5.", 0, "The answer is (3 * 7) + 5."),
        (TELLING, "34", 1, "34"),
        (TELLING, " 34\n", 1, "34"),
        (TELLING, "17", 0, "17"),
        (TELLING, "34 pens", 0, "34 pens"),
    ],
)
def test_the_whole_answer_is_checked(
    question: Question, answer: str, value: float, extracted: str
) -> None:
    found = score(question, [answer])
    assert (found.value, found.extracted, found.flags) == (value, extracted, ())


@pytest.mark.parametrize("question", [PUZZLING, TELLING])
@pytest.mark.parametrize("answer", ["", " \n"])
def test_a_blank_answer_is_unanswered(question: Question, answer: str) -> None:
    found = score(question, [answer])
    assert (found.value, found.extracted, found.flags) == (0, None, (UNANSWERED,))


@given(st.text(max_size=60))
def test_no_answer_upsets_the_scorer_and_none_of_one_form_are_scored_apart(answer: str) -> None:
    for question in (PUZZLING, TELLING):
        found = score(question, [answer])
        if found.extracted is not None:
            assert score(question, [found.extracted]).value == found.value


@given(st.text("0123456789 +*-=()<>/\nabc", max_size=80))
def test_a_right_answer_in_the_thoughts_alone_never_counts(thoughts: str) -> None:
    for question, right in ((PUZZLING, "(3 * 7) + 5 = 26"), (TELLING, "34")):
        content = f"<thinking>{thoughts}\n{right}\n</thinking>\n<output>no</output>"
        assert score(question, [scored_text(content)]).value == 0
        assert score(question, [scored_text(f"<thinking>{right}")]).value == 0


def test_an_answer_stated_in_thoughts_is_one_that_the_scorer_reads() -> None:
    thoughts = "\n3 * 7 = 21, 21 + 5 = 26\n"
    assert EXACT_PROBLEM.stated is stated
    text = stated(PUZZLING, thoughts)
    assert text is not None
    assert score(PUZZLING, [text]).value == 1
    assert stated(TELLING, "12 + 5 = 17\n") is None


def test_only_a_generated_question_has_a_problem() -> None:
    assert problem_of(PUZZLING) == PUZZLE
    assert problem_of(Question("3", ("?",), "42")) is None
