from client.turn import Failure, Turn
from eval.judges.gradings import grading_figures
from eval.judges.rating import RATING
from eval.question import Question
from eval.sample import Sample


def sample(category: str, *grades: int | None) -> Sample:
    question = Question(f"{category}{grades}", ("?", "?"), None, category)
    read = [None if grade is None else (grade,) for grade in grades]
    score = RATING.score(question, ["4", "5"], [], read)
    return Sample(question.id, 0, category, "", (Turn("4"), Turn("5")), score=score)


def test_turns_and_categories_have_their_means() -> None:
    figures = grading_figures(
        {}, [sample("math", 8, 4), sample("math", 6, 2), sample("stem", 10, 9)]
    )
    assert figures["turns"] == [8, 5]
    assert {name: found["value"] for name, found in figures["categories"].items()} == {
        "math": 5,
        "stem": 9.5,
    }


def test_what_is_missing_counts_0() -> None:
    failed = Sample("q", 0, "math", "", failure=Failure("refused", 400))
    figures = grading_figures({}, [sample("math", 8, None), failed])
    assert figures["turns"] == [4, 0]
    assert figures["judge_error"] == 1
