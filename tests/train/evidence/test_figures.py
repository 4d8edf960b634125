import pytest

from estimates.proportions import wilson
from tests.train.evidence.made_up import result
from train.evidence.figures import figures_of, pooled
from train.evidence.puzzles import Part, puzzles, same


def test_an_arms_figures_are_those_of_its_seeds_together() -> None:
    runs = {
        1: result("reflecting", 1, [1, 0, 1, 1], caught=(8, 10), false_alarms=(1, 20)),
        2: result("reflecting", 2, [0, 0, 1, 1], caught=(9, 10), false_alarms=(0, 20)),
    }
    found = figures_of(runs)
    assert found["right"]["value"] == pytest.approx(5 / 8)
    assert found["right_by_seed"] == {1: 0.75, 2: 0.5}
    assert found["caught"]["value"] == pytest.approx(17 / 20)
    assert found["repaired"]["value"] == pytest.approx((4 + 4) / 17)
    assert found["caught_less_false_alarms"] == pytest.approx(17 / 20 - 1 / 40)
    one = pooled([[1, 1], [0, 1]], range(2))
    assert found["by_num_solutions"]["1"] == one.to_dict()
    assert found["by_num_solutions"]["2"] == pooled([[0]], range(1)).to_dict() | {"n": 2}
    assert found["by_num_solutions"]["3 or more"] == pooled([[1]], range(1)).to_dict() | {"n": 2}


def test_answers_of_several_seeds_to_one_puzzle_go_together() -> None:
    apart = pooled([[1, 0] * 50], range(100))
    together = pooled([[1, 0] * 50] * 3, range(100))
    assert together.value == apart.value
    assert together.high - together.low == pytest.approx(apart.high - apart.low, rel=0.03)


def test_a_puzzle_in_other_words_is_no_evidence_of_its_own() -> None:
    numbers = same(puzzles(Part.TEST, 300))
    known = dict.fromkeys(sorted(set(numbers))[::2], 1)
    right = [known.get(one, 0) for one in numbers]
    runs = {1: result("reflecting", 1, right)}
    found, naive = figures_of(runs)["right"], wilson(sum(right), len(right))
    assert found["high"] - found["low"] > 1.2 * (naive.high - naive.low)


def test_attempts_at_one_puzzle_go_together() -> None:
    apart, together = (result("reflecting", 1, [1] * 200) for _ in range(2))
    apart["tries"][0]["judged"] = [(1, at % 2, 0, 0, 0) for at in range(200)]
    together["tries"][0]["judged"] = [(10, 10 * (at % 2), 0, 0, 0) for at in range(20)]
    together["tries"][0]["judged"] += [(0, 0, 0, 0, 0)] * 180
    widths = []
    for one in (apart, together):
        found = figures_of({1: one})["caught"]
        assert (found["value"], found["n"]) == (0.5, 200)
        widths.append(found["high"] - found["low"])
    assert widths[1] > 2 * widths[0]


def test_what_was_never_wrong_was_never_caught() -> None:
    found = figures_of({1: result("thinking", 1, [1], caught=(0, 0), false_alarms=(0, 0))})
    assert found["caught_less_false_alarms"] == 0
