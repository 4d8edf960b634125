import math
import statistics

import pytest

from train.small.intervals import clustered_share, pair, share


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(0, 10, 0.0, 27.75), (10, 10, 72.25, 100.0), (50, 100, 40.38, 59.62), (935, 1000, 91.8, 94.9)],
)
def test_share_gives_wilsons_interval(k: int, n: int, low: float, high: float) -> None:
    found = share(k, n)
    assert found.low == pytest.approx(low, abs=0.06)
    assert found.high == pytest.approx(high, abs=0.06)
    assert found.percent == pytest.approx(100 * k / n)


def test_a_share_of_nothing_says_nothing() -> None:
    assert (share(0, 0).low, share(0, 0).high) == (0.0, 100.0)


def test_a_share_of_one_problem_in_many_words_is_one_observation() -> None:
    counts = [(1, 1)] * 50 + [(0, 1)] * 50
    alone = clustered_share(counts, range(100))
    together = clustered_share(counts, [at // 10 for at in range(100)])
    assert (alone.k, alone.n, alone.percent) == (together.k, together.n, together.percent)
    assert alone.low == pytest.approx(share(50, 100).low, abs=0.3)
    assert together.low == pytest.approx(share(5, 10).low, abs=2)


def test_pair_counts_who_alone_was_right() -> None:
    found = pair([True, True, False, True], [True, False, True, False])
    assert (found.only_first, found.only_second, found.n) == (2, 1, 4)
    assert found.points == 25.0
    assert found.p_value == 1.0
    assert (found.low, found.high) == (-68.83, 100.0)


def test_the_paired_interval_is_that_of_the_mean_difference() -> None:
    first, second = [True] * 90 + [False] * 10, [True] * 60 + [False] * 35 + [True] * 5
    differences = [x - y for x, y in zip(first, second, strict=True)]
    half = 1.959964 * statistics.stdev(differences) / math.sqrt(100)
    found = pair(first, second)
    assert (found.only_first, found.only_second, found.points) == (30, 5, 25.0)
    assert found.low == pytest.approx(25 - 100 * half, abs=0.006)
    assert found.high == pytest.approx(25 + 100 * half, abs=0.006)


def test_pair_refuses_lists_of_different_length() -> None:
    with pytest.raises(ValueError, match="paired scores: 2 and 1"):
        pair([True], [True, False])
