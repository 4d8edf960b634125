from typing import Any

import pytest
from scipy.stats import ttest_1samp

from estimates.paired import pair
from estimates.power import holm
from tests.train.evidence.made_up import result
from train.evidence.arms import ARMS
from train.evidence.comparison import FAMILY_SIZE, PRIMARY, compare_arms
from train.evidence.puzzles import Part, puzzles, same

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
    assert (
        found["by_seed"][2]["p"] == pair(one, other, clusters=same(puzzles(Part.TEST, N))).p < 0.001
    )


def test_p_over_seeds_is_that_of_a_paired_t_test(figures: dict) -> None:
    found = difference(figures, "thinking", "reflecting")
    assert found["p_seeds"] == pytest.approx(ttest_1samp([0.30, 0.32, 0.28], 0).pvalue)
    assert found["p_numbers"] < 0.001


def test_all_but_the_primary_comparison_are_corrected_as_one_family(figures: dict) -> None:
    others = [one for one in figures["differences"] if one["second"] != "reflecting"]
    others += [one for one in figures["differences"] if one["first"] == "unmasked"]
    others += figures["decodings"]
    assert len(others) == 4
    assert not any(name.endswith("_holm") for name in difference(figures, *PRIMARY))
    for name in ("p_seeds", "p_numbers"):
        missing = [1.0] * (FAMILY_SIZE - len(others))
        corrected = holm([*(one[name] for one in others), *missing])
        assert [one[f"{name}_holm"] for one in others] == corrected[: len(others)]


def test_the_family_is_the_whole_plan() -> None:
    everything = compare_arms(
        {arm.name: runs(arm.name, [50, 52], num_tries=1 if arm.can_reflect else 4) for arm in ARMS}
    )
    compared = (everything[name] for name in ("differences", "decodings", "word_problems"))
    assert sum(map(len, compared)) - 1 == FAMILY_SIZE


def test_intervals_over_seeds_are_students(figures: dict) -> None:
    found = difference(figures, "thinking", "reflecting")["difference_seeds"]
    reach = ttest_1samp([0.30, 0.32, 0.28], 0).confidence_interval(0.95)
    assert (found["low"], found["high"]) == pytest.approx((reach.low, reach.high))
    assert figures["arms"]["unmasked"]["right_seeds"]["value"] == pytest.approx(0.55)


def test_the_primary_pair_is_compared_greedily_and_each_at_its_best() -> None:
    thinking, reflecting = runs("thinking", [50, 52]), runs("reflecting", [80, 84])
    for run in thinking.values():
        run["greedy_tries"] = [run["tries"][0] | {"right": [1] * N}]
    for run in reflecting.values():
        run["greedy_tries"] = [run["tries"][0] | {"right": [0] * N}]
    by_name = {
        one["decoding"]: one
        for one in compare_arms({"thinking": thinking, "reflecting": reflecting})["decodings"]
    }
    assert by_name["greedy"]["difference"]["value"] == -1
    best = by_name["each at its best"]
    assert (best["first"], best["second"]) == ("greedy", "sampled")
    assert best["difference"]["value"] == pytest.approx(0.82 - 1)


def test_word_problems_are_compared_with_what_was_told_of_their_steps() -> None:
    found = compare_arms(
        {
            "thinking, mixed": runs("thinking, mixed", [50, 52]),
            "reflecting, mixed": runs("reflecting, mixed", [50, 52]),
        }
    )["word_problems"]
    assert [one["split"] for one in found] == ["fresh", "numbers"]
    assert found[0]["difference"]["value"] == pytest.approx(0.25 - 0.5)
    assert found[0]["of_second"]["caught"]["value"] == pytest.approx(1 / 2)


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
