from typing import Any

import pytest
from scipy.stats import ttest_1samp

from estimates.paired import pair
from estimates.power import holm
from tests.train.evidence.made_up import result
from train.evidence.comparison import compare_arms
from train.evidence.puzzles import same

N = 100


def runs(arm: str, counts: list[int], **more: Any) -> dict:
    """One run a seed, the first so many puzzles right."""
    return {
        seed: result(arm, seed, [int(at < count) for at in range(N)], **more)
        for seed, count in enumerate(counts, 1)
    }


@pytest.fixture(scope="module")
def figures() -> dict:
    return compare_arms(
        {
            "thinking": runs("thinking", [50, 52, 54]),
            "reflecting": runs("reflecting", [80, 84, 82], tokens=100, num_tries=1),
            "unmasked": runs("unmasked", [60, 51, 54], tokens=90, num_tries=1),
        }
    )


def difference(figures: dict, first: str, second: str) -> dict:
    return next(
        one for one in figures["differences"] if (one["first"], one["second"]) == (first, second)
    )


def test_seeds_are_compared_on_the_same_puzzles(figures: dict) -> None:
    found = difference(figures, "thinking", "reflecting")
    assert found["difference"]["value"] == pytest.approx(0.30)
    assert found["by_seed"][1]["difference"] == pytest.approx(0.30)
    assert (found["by_seed"][2]["b"], found["by_seed"][2]["c"]) == (0, 32)
    one, other = ([float(at < count) for at in range(N)] for count in (52, 84))
    assert found["by_seed"][2]["p"] == pair(one, other, clusters=same(N)).p < 0.001


def test_p_over_seeds_is_that_of_a_paired_t_test(figures: dict) -> None:
    found = difference(figures, "thinking", "reflecting")
    assert found["p_seeds"] == pytest.approx(ttest_1samp([0.30, 0.32, 0.28], 0).pvalue)
    assert found["p_puzzles"] < 0.001


def test_p_values_are_corrected_for_being_several(figures: dict) -> None:
    for name in ("p_seeds", "p_puzzles"):
        plain = [one[name] for one in figures["differences"]]
        assert [one[f"{name}_holm"] for one in figures["differences"]] == holm(plain)


def test_what_is_chance_over_seeds_is_not_called_a_difference(figures: dict) -> None:
    assert difference(figures, "thinking", "unmasked")["p_seeds"] > 0.3


def test_thinking_gets_at_least_the_tokens_of_the_reflecting_reply(figures: dict) -> None:
    equal = figures["equal_inference"]["reflecting"]
    assert (equal["k"], equal["tokens_of_k"], equal["tokens"]) == (4, 120, 100)
    assert equal["majority"]["right"]["value"] == pytest.approx(0.52)
    assert equal["majority"]["difference"]["value"] == pytest.approx(0.30)


def test_of_one_seed_nothing_is_said_of_other_seeds() -> None:
    found = compare_arms(
        {"thinking": runs("thinking", [50]), "reflecting": runs("reflecting", [80])}
    )
    assert difference(found, "thinking", "reflecting")["p_seeds"] is None


def test_only_seeds_that_both_have_are_compared() -> None:
    found = compare_arms(
        {"thinking": runs("thinking", [50, 10]), "reflecting": runs("reflecting", [80])}
    )
    assert list(difference(found, "thinking", "reflecting")["by_seed"]) == [1]
