from tests.train.evidence.made_up import result
from train.evidence.comparison import compare_arms
from train.evidence.summary import summary


def told(reflecting: list[int], caught: tuple[int, int]) -> str:
    arms = {"thinking": [1, 0] * 50, "reflecting": reflecting}
    return summary(
        compare_arms(
            {
                arm: {seed: result(arm, seed, [1] * seed + right[seed:], caught=caught)
                      for seed in (1, 2, 3)}
                for arm, right in arms.items()
            }
        )
    )  # fmt: skip


def test_goals_that_are_missed_are_said_to_be() -> None:
    text = told([1, 0] * 49 + [0, 1], (5, 10))
    assert "- NO: at least 15 points above thinking" in text
    assert "- NO: p < 0.01 over at least 3 seeds" in text
    assert "- NO: ahead of a majority vote at equal inference tokens" in text
    assert "- NO: caught less false alarms at least 60 points" in text


def test_a_row_stands_for_each_arm_with_its_seeds() -> None:
    text = told([1, 1] * 50, (10, 10))
    assert "| reflecting | 100.0 [96.3, 100.0] (100.0, 100.0, 100.0) |" in text
    assert "| thinking | 5" in text
    assert text.count("- yes: ") == 4
