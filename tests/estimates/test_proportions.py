import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from estimates.proportions import Interval, wilson


def test_the_interval_of_the_specification() -> None:
    assert wilson(286, 1319).percent() == "21.68 [19.54, 23.99]"


@given(st.integers(1, 20_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_that_of_statsmodels(k_and_n: tuple[int, int]) -> None:
    k, n = k_and_n
    interval = wilson(k, n)
    low, high = proportion_confint(k, n, method="wilson")
    assert interval.low == pytest.approx(low, abs=1e-12)
    assert interval.high == pytest.approx(high, abs=1e-12)


@given(st.integers(0, 200), st.integers(0, 200))
def test_the_share_lies_within_its_interval_and_that_within_0_and_1(k: int, more: int) -> None:
    interval = wilson(k, k + more)
    assert 0 <= interval.low <= interval.value <= interval.high <= 1


def test_of_no_samples_nothing_is_known() -> None:
    assert wilson(0, 0) == Interval(0.0, 0.0, 1.0, 0)


def test_an_unknown_bound_is_null_in_json() -> None:
    data = Interval(0.5, float("-inf"), float("inf"), 1).to_dict()
    assert json.dumps(data, allow_nan=False) == '{"value": 0.5, "low": null, "high": null, "n": 1}'


def test_an_interval_is_read_back_and_a_figure_without_bounds_stands_alone() -> None:
    assert Interval.from_dict(wilson(3, 7).to_dict()) == wilson(3, 7)
    assert Interval.from_dict({"value": 0.5}) == Interval(0.5, 0.5, 0.5, 0)
