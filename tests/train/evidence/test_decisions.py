import pytest

from problems.countdown import attempts
from train.evidence.decisions import read_decisions


def test_attempts_of_other_decisions_read_otherwise() -> None:
    lines = [one.line.strip() for one in attempts((3, 5, 8))]
    assert len({read_decisions(line) for line in lines}) == len(lines)


@pytest.mark.parametrize(
    ("line", "same_as"),
    [
        ("5 + 6 = 11, 11 * 4 = 33", "5 + 6 = 11, 11 * 4 = 44"),  # the target as its result
        ("5 + 6 = 12, 12 * 4 = 48", "5 + 6 = 11, 11 * 4 = 44"),  # wrong, and gone on with
        ("6 + 5 = 11, 4 * 11 = 44", "5 + 6 = 11, 11 * 4 = 44"),  # another order
        ("9 - 5 = 3, 7 - 3 = 4", "9 - 5 = 4, 7 - 4 = 3"),
    ],
)
def test_results_and_orders_decide_nothing(line: str, same_as: str) -> None:
    assert read_decisions(line) == read_decisions(same_as) is not None


def test_the_order_of_a_difference_decides() -> None:
    assert read_decisions("9 - 5 = 4, 7 - 4 = 3") != read_decisions("9 - 5 = 4, 4 - 7 = 3")


@pytest.mark.parametrize(
    "line", ["", "5 + 6", "5 / 6 = 1", "5 + 6 = 11, 9 * 4 = 36", "5 + 6 = 11."]
)
def test_what_is_no_attempt_decides_nothing(line: str) -> None:
    assert read_decisions(line) is None
