from eval.judges.judging import JUDGE_ERROR
from eval.judges.rating import RATING
from eval.question import Question

QUESTION = Question(
    "q", ("What is 2 + 2?", "And 3 + 3?"), None, "math", row={"references": ["four", "six"]}
)


def test_each_answer_is_graded_with_the_turns_before_it() -> None:
    first, second = RATING.ask(QUESTION, ["4", "7"], [], False)
    assert "A| 4" in first
    assert "R| four" in first
    assert "A| 7" not in first
    assert "R| six" not in first
    for part in ("Q| What is 2 + 2?", "A| 4", "R| four", "Q| And 3 + 3?", "A| 7", "R| six"):
        assert part in second


def test_no_reference_is_spoken_of_where_there_is_none() -> None:
    plain = Question("q", ("Write a poem.",), None, "writing", row={"references": []})
    (asked,) = RATING.ask(plain, ["Roses"], [], False)
    assert "correct answer" not in asked
    assert asked.endswith("Rating: <grade>")


def test_the_score_is_the_mean_grade_of_the_turns() -> None:
    score = RATING.score(QUESTION, ["4", "7"], [], [(10,), (3,)])
    assert (score.value, score.details) == (6.5, {"turns": [10, 3]})


def test_an_empty_answer_is_not_put_to_the_judge_and_counts_0() -> None:
    assert len(RATING.ask(QUESTION, ["", "6"], [], False)) == 1
    score = RATING.score(QUESTION, ["", "6"], [], [(9,)])
    assert (score.value, score.details, score.flags) == (4.5, {"turns": [0, 9]}, ())


def test_a_grade_that_is_missing_counts_0_and_is_flagged() -> None:
    score = RATING.score(QUESTION, ["4", "6"], [], [(9,), None])
    assert (score.value, score.flags) == (4.5, (JUDGE_ERROR,))
