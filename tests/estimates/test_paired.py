import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, permutation_test
from statsmodels.stats.contingency_tables import mcnemar as peer

from estimates.paired import mcnemar, pair


def test_the_p_value_of_the_specification() -> None:
    assert mcnemar(209, 152) == pytest.approx(0.00315, abs=5e-6)


@given(st.integers(0, 2000), st.integers(0, 2000))
def test_mcnemar_is_the_binomial_test_of_scipy(b: int, c: int) -> None:
    expected = binomtest(b, b + c).pvalue if b + c else 1.0
    assert mcnemar(b, c) == pytest.approx(expected, rel=1e-6, abs=1e-12)


@given(*[st.integers(0, 300)] * 4)
def test_mcnemar_is_that_of_statsmodels(both: int, b: int, c: int, neither: int) -> None:
    expected = peer([[both, b], [c, neither]], exact=True).pvalue if b + c else 1.0
    assert mcnemar(b, c) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_thousands_of_differences_do_not_overflow() -> None:
    assert mcnemar(7000, 7000) == 1.0
    assert 0 < mcnemar(4000, 5000) < 1e-20


def test_the_difference_is_second_minus_first_with_its_paired_error() -> None:
    first = [1.0] * 30 + [1.0] * 5 + [0.0] * 15 + [0.0] * 50
    second = [1.0] * 30 + [0.0] * 5 + [1.0] * 15 + [0.0] * 50
    result = pair(first, second)
    assert (result.n, result.b, result.c, result.method) == (100, 5, 15, "mcnemar")
    assert (result.first, result.second) == (0.35, 0.45)
    assert result.difference.value == pytest.approx(0.10)
    error = np.std(np.array(second) - np.array(first), ddof=1) / 10
    assert result.difference.low == pytest.approx(0.10 - 1.959964 * error, abs=1e-6)
    assert result.p == pytest.approx(binomtest(5, 20).pvalue)


def test_scores_between_right_and_wrong_are_drawn() -> None:
    rng = np.random.default_rng(5)
    first = rng.random(400)
    second = first + rng.normal(0.05, 0.2, size=400)
    result = pair(list(first), list(second), seed=7)
    error = np.std(second - first, ddof=1) / 20
    assert result.method == "bootstrap"
    middle = float(np.mean(second - first))
    assert result.difference.low == pytest.approx(middle - 1.96 * error, abs=0.002)
    assert result.difference.high == pytest.approx(middle + 1.96 * error, abs=0.002)
    assert result.p < 0.001
    assert result == pair(list(first), list(second), seed=7)


def test_questions_that_are_copies_count_once() -> None:
    rng = np.random.default_rng(3)
    first, second = (list(rng.integers(0, 2, 60).astype(float)) for _ in range(2))
    alone = pair(first, [(one + 1) / 2 for one in second])
    copied = pair(first * 4, [(one + 1) / 2 for one in second] * 4, clusters=[*range(60)] * 4)
    assert copied.difference.low == pytest.approx(alone.difference.low, abs=0.01)
    assert copied.p == pytest.approx(alone.p, abs=0.01)
    assert copied.smallest == pytest.approx(alone.smallest)


def test_right_and_wrong_of_questions_that_go_together_are_drawn_too() -> None:
    found = pair([1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0], clusters=["a", "a", "b", "b"])
    assert (found.method, found.b, found.c) == ("bootstrap", 0, 2)
    assert found.p == 1.0


def test_clusters_of_one_question_each_change_nothing() -> None:
    first, second = [1.0, 0.0, 0.0, 1.0], [1.0, 1.0, 1.0, 0.0]
    assert pair(first, second, clusters="abcd") == pair(first, second)


def test_equal_scores_between_show_nothing() -> None:
    result = pair([0.5, 0.25, 0.75], [0.5, 0.25, 0.75])
    assert (result.difference.value, result.p, result.b, result.c) == (0.0, 1.0, 0, 0)


@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_a_few_questions_show_no_more_than_their_signs_can(n: int) -> None:
    result = pair([0.25] * n, [0.5] * n)  # all differences alike: of 2^n draws two are as far
    assert result.p == pytest.approx(min(1.0, 2 * 0.5**n), abs=0.01)


def test_the_p_value_of_drawn_signs_is_that_of_scipy() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.integers(0, 5, 12) / 4, rng.integers(1, 6, 12) / 4
    exact = permutation_test(
        (first, second), lambda a, b: np.mean(b - a), permutation_type="samples"
    )
    assert pair(list(first), list(second)).p == pytest.approx(exact.pvalue, abs=0.02)


def test_runs_that_agree_are_not_said_to_show_any_difference() -> None:
    same = pair([1.0] * 20, [1.0] * 20)
    assert same.smallest == pytest.approx(7.849 / 20, abs=1e-4)
    assert same.smallest == pair([1.0] * 20, [1.0] * 17 + [0.0] * 3).smallest


def test_scores_of_other_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="2 and 1"):
        pair([1.0, 0.0], [1.0])
