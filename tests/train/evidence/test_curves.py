import pytest

from tests.train.evidence.made_up import result
from train.evidence.curves import BUDGETS, curves_of


def test_checks_of_all_seeds_make_the_curve_of_the_training() -> None:
    runs = {seed: result("reflecting", seed, [1, 0]) for seed in (1, 2)}
    points = curves_of("reflecting", runs)["saturation"]
    assert [point["training_tokens"] for point in points] == [1000, 1000, 2000]
    assert [point["right"]["n"] for point in points] == [20, 20, 4]
    assert [point["right"]["value"] for point in points] == [0.5, 0.5, 0.5]


def test_a_reflecting_reply_is_cut_at_every_budget() -> None:
    points = curves_of("reflecting", {1: result("reflecting", 1, [1, 1, 0], tokens=64)})
    one_reply = points["inference"]["one reply"]
    assert [point["tokens"] for point in one_reply] == [min(64, budget) for budget in BUDGETS]
    right = [point["right"]["value"] for point in one_reply]
    assert right[BUDGETS.index(48)] == 0
    assert right[BUDGETS.index(64)] == pytest.approx(2 / 3)


def test_a_thinking_model_is_asked_once_to_k_times() -> None:
    points = curves_of("thinking", {1: result("thinking", 1, [1, 0], tokens=30, num_tries=3)})
    assert [point["tokens"] for point in points["inference"]["majority"]] == [30, 60, 90]
    assert set(points["inference"]) == {"majority", "likeliest", "oracle"}
