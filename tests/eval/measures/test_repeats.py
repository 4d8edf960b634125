from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.measures.repeats import figures, flip_rate, majority, pass_at
from tests.eval.made_up import failed, sample


@given(
    st.lists(st.booleans(), min_size=1, max_size=9).flatmap(
        lambda right: st.tuples(st.just(right), st.integers(1, len(right)))
    )
)
def test_pass_at_k_is_the_share_of_choices_with_a_right_one(case: tuple[list[bool], int]) -> None:
    right, k = case
    choices = list(combinations(right, k))
    expected = sum(map(any, choices)) / len(choices)
    assert pass_at(k, len(right), sum(right)) == pytest.approx(expected)


def test_the_commonest_answer_wins() -> None:
    answers = [("41", 0.0), ("42", 1.0), ("42", 1.0)]
    assert majority([sample("a", value, extracted=found) for found, value in answers]) == 1.0


def test_no_answer_never_wins() -> None:
    silent = [sample("a", 0.0, extracted=None) for _ in range(3)]
    assert majority([*silent, failed("a"), sample("a", 1.0)]) == 1.0
    assert majority([*silent, failed("a")]) == 0.0


@pytest.mark.parametrize(("first", "expected"), [("41", 0.0), ("42", 1.0)])
def test_of_equally_common_answers_the_first_wins(first: str, expected: float) -> None:
    second = "42" if first == "41" else "41"
    order = [first, second, second, first]
    assert majority([sample("a", float(x == "42"), extracted=x) for x in order]) == expected


def test_the_flip_rate_of_two_is_whether_they_differ() -> None:
    assert flip_rate([1.0, 1.0]) == 0.0
    assert flip_rate([1.0, 0.0]) == 1.0
    assert flip_rate([1, 1, 0]) == pytest.approx(2 / 3)


def test_questions_asked_once_have_no_figures() -> None:
    assert figures([sample("a"), sample("b")]) is None
    assert figures([]) is None


def test_the_figures_of_repeated_questions() -> None:
    samples = [
        sample("a", 1.0, epoch=0, extracted="42"),
        sample("a", 0.0, epoch=1, extracted="41"),
        sample("b", 0.0, epoch=1, extracted="8"),  # the order of the lines is not that of epochs
        sample("b", 1.0, epoch=0, extracted="7"),
        sample("c", 1.0, epoch=0),
    ]
    assert figures(samples) == {
        "epochs": 2,
        "questions": 2,
        "pass": {"1": 0.5, "2": 1.0},
        "majority": {"1": 1.0, "2": 1.0},
        "flip_rate": 1.0,
        "answer_flip_rate": 1.0,
    }


def test_pass_and_majority_are_told_for_powers_of_two_and_all() -> None:
    found = figures([sample("a", epoch=epoch) for epoch in range(5)])
    assert found is not None
    assert list(found["pass"]) == ["1", "2", "4", "5"]
    assert set(found["majority"].values()) == {1.0}


def test_without_extracted_answers_there_is_no_majority() -> None:
    samples = [sample("a", float(epoch), epoch=epoch, extracted=None) for epoch in range(2)]
    found = figures(samples)
    assert found is not None
    assert (found["majority"], found["answer_flip_rate"]) == ({}, None)
    assert found["pass"] == {"1": 0.5, "2": 1.0}


def test_a_judged_answer_of_worth_1_does_not_pass() -> None:
    found = figures([sample("a", 1.0, epoch=epoch) for epoch in range(2)], is_judged=True)
    assert found is not None
    assert found["pass"] == {}
