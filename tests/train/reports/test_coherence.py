import math
from pathlib import Path

import pytest

from train.errors import DataError
from train.reports.coherence import student, tfidf

DEMO = Path(__file__).parents[3] / "models" / "demo"


def test_equal_texts_are_coherent_and_those_without_a_common_word_are_not() -> None:
    same, other, empty = tfidf([("Bees fly.", "bees FLY"), ("bees fly", "cats sleep"), ("a", "")])
    assert same == pytest.approx(1)
    assert other == 0
    assert empty == 0


def test_a_rare_word_in_common_says_more_than_a_frequent_one() -> None:
    rare, frequent, *_ = tfidf([("the bee", "one bee"), ("the cat", "the dog"), ("the", "the")])
    assert rare > frequent > 0


def test_the_cosine_is_that_of_the_formula() -> None:
    # 4 texts; "a" in all of them weighs log 2, "b" in 2 weighs log 3 and stands twice in the second
    first, _ = tfidf([("a b", "a b b"), ("a", "a")])
    a, b, twice = math.log(2), math.log(3), (1 + math.log(2)) * math.log(3)
    expected = (a * a + b * twice) / (math.hypot(a, b) * math.hypot(a, twice))
    assert first == pytest.approx(expected)


def test_a_student_finds_equal_texts_equal_whatever_stands_beside_them() -> None:
    measure = student(str(DEMO), 64)
    long = "Ann has 3 boxes with 4 pens each. How many pens has she?"
    together = measure([("2 + 2 = 4", "2 + 2 = 4"), ("2 + 2", long), ("", long)])
    assert together[0] == pytest.approx(1, abs=1e-5)
    assert together[1] == pytest.approx(measure([("2 + 2", long)])[0], abs=1e-5)
    assert all(-1 <= value < 0.9999 for value in together[1:])


def test_coherence_by_a_student_wants_one() -> None:
    with pytest.raises(DataError, match=r"set score\.model"):
        student("", 64)([("a", "b")])
