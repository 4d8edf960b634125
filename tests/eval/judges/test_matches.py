import pytest

from client.turn import Failure, Turn
from eval.judges.judging import Judging
from eval.judges.matches import match_figures, preference_figures
from eval.judges.pairwise import PAIRWISE, PREFERENCE
from eval.judges.verdict import Grades
from eval.question import Question
from eval.sample import Sample

WIN, LOSE, TIE = ((9, 1), (1, 9)), ((1, 9), (9, 1)), ((5, 5), (5, 5))
PREFERS_A = ((8, 2), (8, 2))
MISSING = (None, (1, 9))


def sample(
    number: int,
    grades: tuple[Grades | None, ...],
    group: str = "koala",
    judging: Judging = PAIRWISE,
) -> Sample:
    question = Question(f"q{number}", ("?",), None, group)
    score = judging.score(question, ["four"], ["5"], grades)
    return Sample(question.id, 0, group, "", (Turn("four"),), score=score)


def test_wins_ties_and_losses_are_counted_by_set() -> None:
    samples = [
        *(sample(i, WIN, "koala") for i in range(3)),
        sample(3, LOSE, "koala"),
        sample(4, TIE, "lima"),
    ]
    figures = match_figures({}, samples)
    assert (figures["win"], figures["tie"], figures["lose"], figures["n"]) == (3, 1, 1, 5)
    assert figures["sets"]["koala"]["value"] == pytest.approx((3 - 1) / 4 + 1)
    assert figures["sets"]["lima"]["value"] == 1


def test_what_failed_counts_as_lost_and_is_told_apart() -> None:
    failed = Sample("q1", 0, "koala", "", failure=Failure("refused", 400))
    figures = match_figures({}, [sample(0, WIN), failed, sample(2, MISSING)])
    assert (figures["win"], figures["lose"], figures["n"]) == (1, 2, 3)
    assert (figures["judge_error"], figures["no_answer"]) == (1, 1)


def test_a_judge_that_prefers_a_place_is_seen_through() -> None:
    figures = match_figures({}, [sample(i, PREFERS_A) for i in range(10)])
    assert (figures["tie"], figures["flip_rate"]["k"], figures["flip_rate"]["n"]) == (10, 10, 10)
    assert figures["position"] == {"first": 20, "second": 0, "neither": 0}


def test_places_and_flips_are_those_of_pairs_with_both_verdicts() -> None:
    figures = match_figures({}, [sample(0, WIN), sample(1, TIE), sample(2, MISSING)])
    assert figures["position"] == {"first": 1, "second": 1, "neither": 2}
    assert (figures["flip_rate"]["k"], figures["flip_rate"]["n"]) == (0, 2)


def test_the_win_rate_is_the_mean_preference_less_1() -> None:
    samples = [sample(i, grades, judging=PREFERENCE) for i, grades in enumerate((WIN, TIE, LOSE))]
    figures = preference_figures({}, samples)
    assert (figures["win_rate"], figures["preference"]) == (0.5, 1.5)
    assert figures["standard_error"] == pytest.approx(0.5 / 3**0.5)
    assert figures["mean_chars"] == {"ours": 4, "theirs": 1}
