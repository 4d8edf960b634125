import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from eval.measures.clusters import bootstrap, clustered, clustered_error, group_error
from eval.measures.means import standard_error

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
