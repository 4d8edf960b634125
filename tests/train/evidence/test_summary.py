from estimates.proportions import wilson
from tests.train.evidence.made_up import result
from train.evidence.comparison import compare_arms
from train.evidence.puzzles import Part, puzzles, same
from train.evidence.summary import summary


def told(reflecting: list[int], caught: tuple[int, int], tokens: int = 30) -> str:
    arms = {"thinking": [1, 0] * 50, "reflecting": reflecting}
    return summary(
        compare_arms(
            {
                arm: {seed: result(arm, seed, [1] * seed + right[seed:], caught=caught,
                                   tokens=tokens if arm == "reflecting" else 30)
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
    low = 100 * wilson(num := len(set(same(puzzles(Part.TEST, 100)))), num).low
    by_seed = "[100.0, 100.0] | 100.0, 100.0, 100.0"
    assert f"| reflecting | 100.0 [{low:.1f}, 100.0] | {by_seed} |" in text
    assert "| thinking | 5" in text
    assert text.count("- yes: ") == 4


def test_a_vote_that_had_fewer_tokens_than_the_reflecting_reply_proves_nothing() -> None:
    assert "- yes: ahead of a majority vote" in told([1, 1] * 50, (10, 10), tokens=4 * 30)
    assert "- NO: ahead of a majority vote" in told([1, 1] * 50, (10, 10), tokens=4 * 30 + 1)
