import pytest

from problems.countdown import is_held_out
from train.evidence.puzzles import Part, part, puzzle, puzzles, same, source

N = 300


@pytest.mark.parametrize("of", Part)
def test_puzzles_are_of_their_part_in_any_order_of_the_numbers(of: Part) -> None:
    drawn = [puzzle(source(of, 1, index), of) for index in range(100)]
    assert {part(one.numbers[::-1], one.target) for one in drawn} == {of}
    assert {is_held_out(one.numbers, one.target) for one in drawn} == {of is not Part.TRAIN}


def test_checks_and_figures_share_no_puzzle() -> None:
    check, test = ({one.core for one in puzzles(of, N)} for of in (Part.CHECK, Part.TEST))
    assert not check & test


def test_no_prompt_is_asked_twice_though_a_puzzle_may_come_in_other_words() -> None:
    asked = puzzles(Part.TEST, N)
    assert len({one.prompt for one in asked}) == N
    assert len({one.core for one in asked}) < N
    assert puzzles(Part.TEST, 10) == asked[:10]


def test_puzzles_go_together_by_their_numbers() -> None:
    asked = puzzles(Part.TEST, N)
    assert len(set(same(asked))) == len({frozenset(one.numbers) for one in asked})
    assert len(set(same(asked))) < len({one.core for one in asked})


def test_longer_puzzles_have_more_numbers() -> None:
    assert {one.count(" ") for one in same(puzzles(Part.TEST, 3, num_numbers=4))} == {3}
