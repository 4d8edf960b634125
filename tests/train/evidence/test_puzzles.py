from itertools import combinations

import pytest

from problems.countdown import is_held_out
from train.evidence.puzzles import Part, part, puzzle, puzzles, same, source

N = 300


def test_every_set_of_numbers_is_of_one_part_in_any_order() -> None:
    sets = list(combinations(range(1, 13), 3))
    assert {of: sum(part(one) is of for one in sets) for of in Part} == {
        Part.TRAIN: 148,
        Part.CHECK: 23,
        Part.TEST: 49,
    }
    assert all(part(one) is part(one[::-1]) for one in sets)


@pytest.mark.parametrize("of", Part)
def test_puzzles_have_the_numbers_of_their_part(of: Part) -> None:
    drawn = [puzzle(source(of, 1, index), of) for index in range(100)]
    assert {part(one.numbers) for one in drawn} == {of}
    assert not any(is_held_out(one.numbers, one.target) for one in drawn)  # those eval asks


def test_no_prompt_is_asked_twice_though_a_puzzle_may_come_in_other_words() -> None:
    asked = puzzles(Part.TEST, N)
    assert len({one.prompt for one in asked}) == N
    assert len({one.core for one in asked}) < N
    assert puzzles(Part.TEST, 10) == asked[:10]


def test_puzzles_go_together_by_their_numbers() -> None:
    asked = puzzles(Part.TEST, N)
    assert len(set(same(asked))) == len({frozenset(one.numbers) for one in asked}) == 49


def test_longer_puzzles_have_more_numbers() -> None:
    assert {one.count(" ") for one in same(puzzles(Part.TEST, 3, num_numbers=4))} == {3}
