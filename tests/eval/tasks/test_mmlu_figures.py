import math
from collections.abc import Sequence

import pytest

from client.turn import Failure
from estimates.proportions import wilson
from eval.question import Question
from eval.sample import Sample
from eval.score import Score
from eval.tasks.mmlu_figures import figures

Z = 1.959963984540054


def asked(subject: str, values: Sequence[float]) -> list[tuple[Question, Sample]]:
    return [
        (
            Question(f"{subject}-{number}", ("?",), "A", group=subject),
            Sample(f"{subject}-{number}", 0, subject, "", score=Score(value)),
        )
        for number, value in enumerate(values)
    ]


def told(pairs: Sequence[tuple[Question, Sample]]) -> dict:
    return figures({question.id: question for question, _ in pairs}, [s for _, s in pairs])


def test_macro_is_the_mean_of_subjects_and_micro_of_questions() -> None:
    found = told(asked("anatomy", [1, 1, 0, 0, 1, 1]) + asked("virology", [0, 1]))
    assert found["macro"]["value"] == pytest.approx((4 / 6 + 1 / 2) / 2)
    assert found["micro"]["value"] == pytest.approx(5 / 8)
    assert found["micro"]["n"] == found["macro"]["n"] == 8
    assert found["subjects"]["anatomy"]["n"] == 6


def test_groups_hold_their_subjects() -> None:
    found = told(
        asked("astronomy", [1, 0])
        + asked("college_physics", [1, 1])
        + asked("jurisprudence", [0, 0, 1])
        + asked("sociology", [1, 0])
    )["groups"]
    assert {name: (group["value"], group["n"]) for name, group in found.items()} == {
        "stem": (0.75, 4),
        "humanities": (pytest.approx(1 / 3), 3),
        "social_sciences": (0.5, 2),
    }


def test_the_error_of_a_group_is_the_root_of_summed_squares_over_n() -> None:
    first, second = [1, 1, 0, 0, 1, 1], [0, 1, 0]
    found = told(asked("anatomy", first) + asked("virology", second))
    errors = [
        math.sqrt(sum((x - sum(v) / len(v)) ** 2 for x in v) / (len(v) - 1) / len(v))
        for v in (first, second)
    ]
    expected = math.sqrt((6 * errors[0]) ** 2 + (3 * errors[1]) ** 2) / 9
    for group in (found["micro"], found["groups"]["other"]):
        assert (group["high"] - group["low"]) / 2 == pytest.approx(Z * expected)
    macro = math.sqrt(errors[0] ** 2 + errors[1] ** 2) / 2
    half = (found["macro"]["high"] - found["macro"]["low"]) / 2
    assert half == pytest.approx(Z * macro)


def test_several_answers_to_a_question_count_as_their_mean() -> None:
    pairs = asked("anatomy", [1, 0, 1])
    question = pairs[0][0]
    again = Sample(question.id, 1, "anatomy", "", score=Score(0.0))
    found = told([*pairs, (question, again)])
    assert found["micro"]["n"] == 3
    assert found["micro"]["value"] == pytest.approx((0.5 + 0 + 1) / 3)


def test_a_sample_without_a_reply_is_wrong() -> None:
    failed = (
        Question("x", ("?",), "A", group="anatomy"),
        Sample("x", 0, "anatomy", "", failure=Failure("no", 400)),
    )
    assert told([*asked("anatomy", [1]), failed])["micro"]["value"] == 0.5


def test_with_a_subject_of_one_question_questions_count_as_independent() -> None:
    found = told([*asked("anatomy", [1]), *asked("virology", [1, 0, 1])])
    independent = wilson(3, 4).to_dict()
    assert found["micro"] == found["groups"]["other"] == independent
    assert (found["macro"]["value"], found["macro"]["low"]) == (pytest.approx(5 / 6), None)
