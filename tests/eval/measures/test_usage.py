import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.turn import Turn
from eval.measures.usage import Prices, cost, latency, quantile, spread, tokens
from tests.eval.made_up import failed, sample, turn


@given(st.lists(st.integers(0, 99), min_size=1), st.sampled_from([0.05, 0.5, 0.95, 1.0]))
def test_a_quantile_is_the_least_value_that_the_share_does_not_exceed(
    values: list[int], share: float
) -> None:
    found = quantile(sorted(values), share)
    reached = [v for v in values if sum(w <= v for w in values) >= share * len(values) - 1e-9]
    assert found == min(reached)


def test_the_tokens_of_all_turns_count() -> None:
    found = tokens([sample("a", turns=(turn(thinking=10, output=5), turn(thinking=20, output=5)))])
    assert (found["prompt"], found["completion"]) == (200, 40)
    assert found["thinking"] == {"p50": 30, "p95": 30, "mean": 30, "n": 1}
    assert found["output"]["p50"] == 10


def test_tokens_that_nobody_tells_are_not_zero() -> None:
    found = tokens([sample("a", turns=(Turn("42"),)), failed("b")])
    assert found == {
        "prompt": None,
        "completion": None,
        "thinking": "not available",
        "output": "not available",
        "written": "not available",
    }


def test_a_sample_that_tells_no_thinking_is_left_out_of_thinking_alone() -> None:
    plain = Turn("42", usage={"prompt_tokens": 5, "completion_tokens": 7})
    found = tokens([sample("a", turns=(plain,)), sample("b")])
    assert found["thinking"]["n"] == 1
    assert found["written"]["n"] == 2


def test_seconds_are_told_of_what_was_answered() -> None:
    found = latency([sample("a"), sample("b", turns=(turn(latency_s=2.5),)), failed("c")])
    assert found == {"p50": 0.5, "p95": 2.5, "mean": 1.5, "n": 2}
    assert latency([failed("c")]) == spread([]) == "not available"


def test_cost_per_right_answer_carries_the_wrong_ones() -> None:
    found = cost([sample("a"), sample("b", 0.0)], Prices(prompt=1.0, completion=10.0))
    assert isinstance(found, dict)
    assert found["total"] == pytest.approx((200 * 1 + 80 * 10) / 1e6)
    assert found["per_right"] == pytest.approx(found["total"])
    assert found["per_sample"] == pytest.approx(found["total"] / 2)


def test_without_prices_or_usage_the_cost_is_not_available() -> None:
    assert cost([sample("a")], None) == "not available"
    assert cost([sample("a", turns=(Turn("42"),))], Prices(1, 1)) == "not available"


def test_nothing_right_has_no_cost_each() -> None:
    found = cost([sample("a", 0.0)], Prices(1, 1))
    assert isinstance(found, dict)
    assert found["per_right"] is None
