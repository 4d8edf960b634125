import itertools
import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from problems.countdown import (
    HELD_OUT_TEMPLATES,
    Puzzle,
    attempts,
    is_held_out,
    puzzle,
    source,
)
from problems.split import Split

PUZZLE = Puzzle("", (3, 7, 5), 26)


def drawn(split: Split, seed: int, n: int) -> list[Puzzle]:
    return [puzzle(source(split, seed, index), split) for index in range(n)]


def brute_results(numbers: tuple[int, ...]) -> set[int]:
    """Every positive value of two signs over the numbers, whose first step is positive too."""
    found = set()
    for a, b, c in itertools.permutations(numbers):
        for first, second in itertools.product("+-*", repeat=2):
            inner = eval(f"{a}{first}{b}")
            for outer in (f"{inner}{second}{c}", f"{c}{second}{inner}"):
                if inner > 0 and 0 < eval(outer) <= 999:
                    found.add(eval(outer))
    return found


def test_held_out_pairs_never_occur_in_training_whatever_the_order() -> None:
    train = drawn(Split.TRAIN, 1, 600)
    assert not any(is_held_out(p.numbers, p.target) for p in train)
    for split in (Split.FRESH, Split.TEMPLATES):
        assert all(is_held_out(p.numbers, p.target) for p in drawn(split, 1, 200))
    assert is_held_out((3, 1, 2), 9) == is_held_out((1, 2, 3), 9)


def test_the_held_out_hash_is_the_same_in_every_process() -> None:
    pairs = [((1, 2, n), t) for n in range(3, 13) for t in range(1, 41)]
    held = [pair for pair in pairs if is_held_out(*pair)]
    assert len(held) == 41
    assert held[:3] == [((1, 2, 3), 6), ((1, 2, 3), 17), ((1, 2, 3), 27)]


def test_training_uses_no_held_out_sentence() -> None:
    starts = {template.split("{")[0] for template in HELD_OUT_TEMPLATES}
    for found in drawn(Split.TRAIN, 1, 300):
        assert not any(found.prompt.startswith(start) for start in starts)
    for found in drawn(Split.TEMPLATES, 1, 300):
        assert any(found.prompt.startswith(start) for start in starts)


@pytest.mark.parametrize("numbers", [(1, 2, 3), (12, 7, 5), (9, 10, 1)])
def test_the_attempts_are_all_that_can_be_reached(numbers: tuple[int, ...]) -> None:
    assert {attempt.result for attempt in attempts(numbers)} == brute_results(numbers)
    for attempt in attempts(numbers):
        assert Puzzle("", numbers, attempt.result).is_right(attempt.expression)


@pytest.mark.parametrize(
    "answer",
    ["(3 * 7) + 5 = 26", "3*7+5", " (3*7)+5 = 26 ", "5 + 3 * 7", "5+(7*3)=26", "3*7+5="],
)
def test_the_checker_takes_any_expression_of_the_numbers(answer: str) -> None:
    assert PUZZLE.is_right(answer)


@pytest.mark.parametrize(
    "answer",
    [
        *("", "26", "= 26", "3*7+5=27", "37-11", "3*7+5+0", "3*7+(5", "7*3+5=26=26", "5**2+1"),
        *("3*7+5+5-5", "3*7", "3 * 7 + 5 dollars", "9" * 5000, "٣*7+5", "3*7+5\0"),
    ],
)
def test_the_checker_refuses_anything_else(answer: str) -> None:
    assert not PUZZLE.is_right(answer)


@pytest.mark.parametrize(
    ("answer", "canonical"),
    [
        ("(3 * 7) + 5 = 26", "3*7+5"),
        ("3*7+5 =", "3*7+5"),
        ("3 * (7 + 5)", "3*(7+5)"),
        ("(3 * 7) + 5 = 27", "3*7+5=27"),
        (" no idea ", "no idea"),
        ("3 7*5", "3 7*5"),
    ],
)
def test_the_canonical_form_leaves_out_what_does_not_matter(answer: str, canonical: str) -> None:
    assert PUZZLE.canonical(answer) == canonical


@given(st.text("357 ()+*-=26\n", max_size=80), st.text("357 ()+*-=26\n", max_size=80))
@example("3*7" + " " * 80 + "+5", "3*7+5")
def test_answers_with_one_canonical_form_are_both_right_or_both_wrong(one: str, two: str) -> None:
    for answer in (one, two):
        assert PUZZLE.is_right(PUZZLE.canonical(answer)) is PUZZLE.is_right(answer)
    if PUZZLE.canonical(one) == PUZZLE.canonical(two):
        assert PUZZLE.is_right(one) is PUZZLE.is_right(two)


@given(st.text(max_size=40))
def test_no_text_at_all_upsets_the_checker(answer: str) -> None:
    assert not PUZZLE.is_right(answer) or "3" in answer
    assert PUZZLE.canonical(PUZZLE.canonical(answer)) == PUZZLE.canonical(answer)


def test_a_puzzle_comes_back_from_json() -> None:
    for found in drawn(Split.FRESH, 1, 20):
        assert Puzzle.from_row(json.loads(json.dumps(found.to_row()))) == found


def test_four_numbers_are_used_once_each_in_a_chain_of_steps() -> None:
    numbers = (4, 1, 5, 6)
    every = attempts(numbers)
    assert len(set(every)) == len(every) > 10 * len(attempts(numbers[:3]))
    for attempt in every:
        assert len(attempt.steps) == 3
        assert Puzzle("", numbers, attempt.result).is_right(attempt.expression)
        for before, after in itertools.pairwise(attempt.steps):
            assert before.after in (after.before, after.operand)


def test_a_puzzle_of_four_numbers_can_be_reached_and_names_them_all() -> None:
    for index in range(20):
        found = puzzle(source(Split.FRESH, 1, index), Split.FRESH, num_numbers=4)
        assert len(found.numbers) == 4
        assert found.target in {attempt.result for attempt in attempts(found.numbers)}
        assert all(re.search(rf"\b{n}\b", found.prompt) for n in (*found.numbers, found.target))
