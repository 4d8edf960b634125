import itertools

import pytest

from eval.judges.judging import JUDGE_ERROR, Judging
from eval.judges.pairwise import PAIRWISE, PREFERENCE
from eval.judges.verdict import Grades
from eval.question import Question

QUESTION = Question("q", ("What is 2 + 2?",), None, "sums")


def value(judging: Judging, *grades: Grades | None) -> float:
    return judging.score(QUESTION, ["4"], ["5"], grades).value


def test_the_second_order_is_the_first_with_the_places_changed() -> None:
    first, second = PAIRWISE.ask(QUESTION, ["four"], ["five"], False)
    assert "Q| What is 2 + 2?" in first
    assert "A| four" in first
    assert "B| five" in first
    assert second == first.replace("A| four", "A| five").replace("B| five", "B| four", 1)


@pytest.mark.parametrize(
    ("first", "second", "outcome", "preference"),
    [
        ((7, 5), (5, 7), "win", 1.0),
        ((7, 5), (6, 6), "win", 0.75),
        ((6, 6), (6, 6), "tie", 0.5),
        ((7, 5), (7, 5), "tie", 0.5),
        ((5, 7), (6, 6), "lose", 0.25),
        ((1, 2), (2, 1), "lose", 0.0),
    ],
)
def test_the_sum_of_the_orders_decides(
    first: Grades, second: Grades, outcome: str, preference: float
) -> None:
    score = PAIRWISE.score(QUESTION, ["4"], ["5"], (first, second))
    assert (score.extracted, score.value) == (outcome, {"win": 2, "tie": 1, "lose": 0}[outcome])
    assert value(PREFERENCE, first, second) == preference


def test_the_other_side_gets_what_is_left() -> None:
    verdicts = list(itertools.product((1, 5, 10), repeat=2))
    for first, second in itertools.product(verdicts, verdicts):
        swapped = (second, first)
        assert value(PAIRWISE, first, second) + value(PAIRWISE, *swapped) == 2
        assert value(PREFERENCE, first, second) + value(PREFERENCE, *swapped) == 1


@pytest.mark.parametrize("grades", [(None, (1, 9)), ((9, 1), None), (None, None)])
def test_a_verdict_that_is_missing_is_a_judge_error_and_counts_as_lost(
    grades: list[Grades | None],
) -> None:
    for judging in (PAIRWISE, PREFERENCE):
        score = judging.score(QUESTION, ["4"], ["5"], grades)
        assert (score.value, score.flags) == (0.0, (JUDGE_ERROR,))


@pytest.mark.parametrize(
    ("ours", "theirs", "outcome"), [(" ", "5", "lose"), ("4", "", "win"), ("", "\n", "tie")]
)
def test_who_has_no_answer_loses_and_nobody_is_asked(ours: str, theirs: str, outcome: str) -> None:
    assert PAIRWISE.ask(QUESTION, [ours], [theirs], False) == []
    assert PAIRWISE.score(QUESTION, [ours], [theirs], ()).extracted == outcome


def test_a_judge_held_to_json_is_asked_for_json() -> None:
    text, held = (PAIRWISE.ask(QUESTION, ["4"], ["5"], as_json)[0] for as_json in (False, True))
    assert "Scores: A=" in text
    assert "Scores: A=" not in held
    assert '{"A": <grade of A>, "B": <grade of B>}' in held


def test_a_reminder_follows_the_reply_that_could_not_be_read() -> None:
    (asked, _) = PAIRWISE.conversations(QUESTION, ["4"], ["5"], as_json=False)
    reminded = PAIRWISE.reminder(asked, "Both are fine.", as_json=False)
    assert reminded[:2] == asked
    assert reminded[2] == {"role": "assistant", "content": "Both are fine."}
    assert "`Scores: A=<grade> B=<grade>`" in reminded[3]["content"]
    assert PAIRWISE.reminder(asked, " ", as_json=True)[2]["content"] == "(no reply)"
