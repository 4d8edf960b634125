import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.weightstats import DescrStatsW

from estimates.means import interval, mean, normal, standard_error
from estimates.proportions import Interval, wilson

SCORES = st.lists(st.floats(0, 10), min_size=2, max_size=50)


@given(SCORES)
def test_the_normal_interval_is_that_of_statsmodels(values: list[float]) -> None:
    found = normal(values)
    low, high = DescrStatsW(values).zconfint_mean()
    assert [found.low, found.high] == pytest.approx([low, high], abs=1e-9)


def test_one_value_has_no_known_error() -> None:
    assert standard_error([0.5]) == math.inf
    assert normal([0.5]) == Interval(0.5, -math.inf, math.inf, 1)


def test_the_mean_of_nothing_is_0() -> None:
    assert mean([]) == 0.0


def test_right_and_wrong_take_wilsons_interval() -> None:
    assert interval([1, 0, 1, 1.0]) == wilson(3, 4)


def test_scores_between_take_the_normal_interval() -> None:
    assert interval([1, 0, 0.5]) == normal([1, 0, 0.5])
