import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from estimates.clusters import (
    bootstrap,
    clustered,
    clustered_error,
    clustered_wilson,
    group_error,
)
from estimates.means import standard_error
from estimates.proportions import wilson

TABLES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 7)), min_size=4, max_size=60).filter(
    lambda rows: len({cluster for _, cluster in rows}) > 1
)


@given(TABLES)
def test_the_error_is_that_of_statsmodels(rows: list[tuple[float, int]]) -> None:
    values, clusters = zip(*rows, strict=True)
    n, count = len(values), len(set(clusters))
    model = sm.OLS(np.array(values), np.ones(n))
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": np.array(clusters)})
    # statsmodels corrects by (n - 1) / (n - 1) too, which is 1 for a mean
    assert clustered_error(values, clusters) == pytest.approx(fit.bse[0], abs=1e-9)
    assert count > 1


@given(st.lists(st.floats(0, 1), min_size=2, max_size=40))
def test_clusters_of_one_give_the_plain_error(values: list[float]) -> None:
    found = clustered_error(values, range(len(values)))
    assert found == pytest.approx(standard_error(values), abs=1e-12)


def test_answers_that_always_agree_are_worth_one() -> None:
    once = [1.0, 0.0, 1.0, 1.0, 0.0]
    five_times = [value for value in once for _ in range(5)]
    ids = [id for id in range(5) for _ in range(5)]
    assert clustered_error(five_times, ids) == pytest.approx(standard_error(once))


def test_one_cluster_tells_nothing_of_the_error() -> None:
    assert clustered_error([1.0, 0.0], ["a", "a"]) == math.inf


def test_the_bootstrap_agrees_with_the_clustered_error() -> None:
    rng = np.random.default_rng(1)
    shares = rng.beta(5, 3, size=57)
    clusters = [group for group in range(57) for _ in range(40)]
    values = [float(rng.random() < shares[group]) for group in clusters]
    drawn, normal = bootstrap(values, clusters, seed=3), clustered(values, clusters)
    assert drawn.value == normal.value
    assert drawn.low == pytest.approx(normal.low, abs=0.005)
    assert drawn.high == pytest.approx(normal.high, abs=0.005)


@pytest.mark.parametrize(("seed", "is_same"), [(1, True), (2, False)])
def test_the_seed_decides_the_draws(seed: int, is_same: bool) -> None:
    values = [float(x) for x in np.random.default_rng(0).random(30)]
    first, second = (bootstrap(values, range(30), s, draws=500) for s in (1, seed))
    assert (first == second) is is_same


def test_the_error_of_groups_weighs_each_by_its_size() -> None:
    expected = math.sqrt((100 * 0.05) ** 2 + (300 * 0.02) ** 2) / 400
    assert group_error([(100, 0.05), (300, 0.02)]) == pytest.approx(expected)
    assert group_error([]) == math.inf


def test_equal_groups_have_the_error_of_a_mean() -> None:
    assert group_error([(8, 0.5)] * 25) == pytest.approx(0.1)


def test_wilsons_interval_of_clusters_covers_a_share_near_1() -> None:
    rng = np.random.default_rng(4)
    share, count, each, covered, normal = 0.98, 100, 4, 0, 0
    ids = [number for number in range(count) for _ in range(each)]
    for _ in range(300):
        chances = rng.beta(2 * share, 2 * (1 - share), count)
        values = list((rng.random((count, each)) < chances[:, None]).astype(float).ravel())
        found, plain = clustered_wilson(values, ids), clustered(values, ids)
        assert 0 <= found.low < found.value <= found.high <= 1
        covered += found.low <= share <= found.high
        normal += plain.low <= share <= plain.high
    assert covered > 0.9 * 300 > normal


@given(st.lists(st.booleans(), min_size=2, max_size=40))
def test_equal_answers_to_each_question_count_once(right: list[bool]) -> None:
    values = [float(is_right) for is_right in right for _ in range(3)]
    ids = [number for number in range(len(right)) for _ in range(3)]
    found, once = clustered_wilson(values, ids), wilson(sum(right), len(right))
    slack = 1 / len(right)  # of the correction for few clusters
    assert found.low == pytest.approx(once.low, abs=slack)
    assert found.high == pytest.approx(once.high, abs=slack)
    assert found.n == 3 * len(right)


def test_clusters_that_do_not_differ_have_an_interval_all_the_same() -> None:
    ids = [number for number in range(20) for _ in range(2)]
    ones, halves = clustered_wilson([1.0] * 40, ids), clustered_wilson([0.0, 1.0] * 20, ids)
    assert (ones.low, ones.high) == (wilson(20, 20).low, 1.0)
    assert (halves.low, halves.high) == (wilson(20, 40).low, wilson(20, 40).high)
    assert clustered_wilson([0.0, 1.0], ["a", "a"]).to_dict()["high"] == 1.0
