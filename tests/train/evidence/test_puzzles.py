from problems.countdown import is_held_out
from train.evidence.puzzles import puzzles, same

N = 300


def test_a_puzzle_comes_again_in_other_words() -> None:
    assert len({puzzle.prompt for puzzle in puzzles(N)}) == N
    assert len(set(same(N))) < 0.7 * N


def test_puzzles_go_together_by_what_is_held_out() -> None:
    for puzzle, (*numbers, target) in zip(puzzles(N), same(N), strict=True):
        assert (numbers, target) == (sorted(puzzle.numbers), puzzle.target)
        assert is_held_out(tuple(numbers), target)


def test_longer_puzzles_are_their_own() -> None:
    assert {len(one) for one in same(3, num_numbers=4)} == {5}
