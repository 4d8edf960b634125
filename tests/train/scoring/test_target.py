import math

from train.scoring.target import Likelihood, Target, finite_exp


def test_only_an_ok_likelihood_has_a_mean() -> None:
    assert Likelihood(4, 6.0, "ok").mean_nll == 1.5
    assert Likelihood(4, 6.0, "ok").perplexity == math.exp(1.5)
    assert Likelihood(0, 0.0, "failed").mean_nll is None
    assert Likelihood(0, 0.0, "too_long").perplexity is None


def test_what_no_float_holds_is_none() -> None:
    assert finite_exp(1e6) is None
    assert finite_exp(math.nan) is None
    assert finite_exp(math.inf) is None
    assert finite_exp(-1e6) == 0


def test_hashes_tell_where_one_text_ends_and_the_next_begins() -> None:
    one, other = Target("k", "ab", "t", "c"), Target("k", "a", "t", "bc")
    assert one.sha256[0] != other.sha256[0]
    assert one.sha256[1] == other.sha256[1]
