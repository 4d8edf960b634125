import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import NormalIndPower

from estimates.paired import mcnemar
from estimates.power import holm, smallest_change, smallest_difference


@settings(max_examples=10)  # the peer takes a fifth of a second
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_that_of_statsmodels(p_values: list[float]) -> None:
    expected = multipletests(p_values, method="holm")[1]
    assert holm(p_values) == pytest.approx(list(expected), abs=1e-12)


def test_one_p_value_stays_as_it_is() -> None:
    assert holm([0.03]) == [0.03]
    assert holm([]) == []


def test_two_separate_sets_need_what_statsmodels_says() -> None:
    n = 1319
    found = smallest_difference(n)
    power = NormalIndPower().power(found / 0.5, nobs1=n, alpha=0.05)
    assert power == pytest.approx(0.8, abs=1e-3)


def test_a_pair_that_differs_by_that_much_is_found_four_times_in_five() -> None:
    n, discordance = 1319, 0.25
    difference = smallest_difference(n, discordance)
    rng = np.random.default_rng(2)
    only_second = (discordance + difference) / 2
    tables = rng.multinomial(n, [only_second, discordance - only_second, 1 - discordance], 2000)
    share = np.mean([mcnemar(int(b), int(c)) < 0.05 for c, b, _ in tables])
    assert share == pytest.approx(0.8, abs=0.04)


def test_a_change_of_every_question_that_differs_is_found_four_times_in_five() -> None:
    n = 200
    rng = np.random.default_rng(2)
    changed = rng.binomial(n, smallest_change(n, 0), size=2000)  # all of them for the better
    assert np.mean([mcnemar(0, int(c)) < 0.05 for c in changed]) == pytest.approx(0.8, abs=0.04)
    assert smallest_change(n, 50) == smallest_difference(n, 0.25)
    assert smallest_change(0, 0) == math.inf


def test_too_few_questions_show_nothing() -> None:
    assert smallest_difference(0) == math.inf
    assert smallest_difference(3) > 1
