from problems.countdown import is_held_out
from train.evidence.puzzles import puzzles, same

N = 300


def test_a_puzzle_comes_again_in_other_words() -> None:
    assert len({puzzle.prompt for puzzle in puzzles(N)}) == N
    assert len(set(same(N))) < 0.7 * N


def test_puzzles_go_together_by_what_is_held_out() -> None:
    held_out = {(*sorted(puzzle.numbers), puzzle.target): puzzle for puzzle in puzzles(N)}
    assert len(set(same(N))) == len(held_out)
    assert all(is_held_out(puzzle.numbers, puzzle.target) for puzzle in held_out.values())


def test_longer_puzzles_have_more_numbers() -> None:
    assert {one.partition(" = ")[0].count(" ") for one in same(3, num_numbers=4)} == {3}
