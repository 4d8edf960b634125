from typing import Any

import pytest

from train.evidence.votes import chosen, mean_tokens, within

TRIES: list[dict[str, list[Any]]] = [
    {"right": [0, 1, 0], "answer": ["a", "b", ""], "tokens": [10, 20, 30], "logprob": [-1, -2, -3]},
    {"right": [1, 0, 0], "answer": ["c", "d", ""], "tokens": [10, 20, 30], "logprob": [-2, -1, -3]},
    {"right": [1, 1, 0], "answer": ["c", "b", "e"], "tokens": [40, 2, 3], "logprob": [-3, -3, -1]},
]


@pytest.mark.parametrize(
    ("choice", "right"), [("majority", [1, 1, 0]), ("likeliest", [0, 0, 0]), ("oracle", [1, 1, 0])]
)
def test_each_choice_takes_one_answer_a_puzzle(choice: str, right: list[int]) -> None:
    assert chosen(TRIES, choice) == right


def test_of_equally_many_votes_the_first_answer_wins() -> None:
    assert chosen(TRIES[:2], "majority") == [0, 1, 0]


def test_of_one_try_every_choice_takes_it() -> None:
    assert chosen(TRIES[:1], "majority") == chosen(TRIES[:1], "likeliest") == [0, 1, 0]


def test_tokens_of_all_tries_count() -> None:
    assert mean_tokens(TRIES) == (60 + 42 + 63) / 3


def test_a_reply_beyond_its_budget_is_wrong_and_costs_the_budget() -> None:
    assert within(TRIES[0], 20) == ([0, 1, 0], (10 + 20 + 20) / 3)
    assert within(TRIES[2], 2) == ([0, 1, 0], 2.0)
