from dataclasses import replace
from pathlib import Path

import pytest

from problems.countdown import Puzzle
from tests.train.small.tiny import TINY, tiny_tokenizer
from train.evidence.own_mistakes import Counts, OwnMistakes, collect, mistakes
from train.evidence.puzzles import Part, source
from train.evidence.puzzles import puzzle as draw
from train.segments import Kind
from train.small.countdown import sorted_out
from train.small.tuning import build_model

SEED, NUM_PUZZLES = 5, 4


def puzzle(index: int) -> Puzzle:
    return draw(source(Part.TRAIN, SEED, index), Part.TRAIN)


def wrong_lines(index: int) -> list[str]:
    return [attempt.line.strip() for attempt in sorted_out(puzzle(index))[1]]


@pytest.fixture
def own() -> OwnMistakes:
    return OwnMistakes(tuple(tuple(wrong_lines(index)[-2:]) for index in range(NUM_PUZZLES)))


def attempts_of(own: OwnMistakes, index: int) -> list[str]:
    taught = own.example(SEED, index, 0.9, 3)
    wrong = "".join(s.text for s in taught.segments if s.kind is Kind.WRONG)
    return wrong.splitlines()


def test_a_models_own_mistakes_come_before_drawn_ones(own: OwnMistakes) -> None:
    for index in range(5 * NUM_PUZZLES):
        shown = attempts_of(own, index)
        mine = set(own.lines[index % NUM_PUZZLES])
        assert set(shown[:2]) <= mine
        assert len(set(shown)) == len(shown)
        assert not set(shown[2:]) & mine


def test_puzzles_come_again_with_other_mistakes(own: OwnMistakes) -> None:
    rounds = [own.example(SEED, n * NUM_PUZZLES, 0.9, 3) for n in range(10)]
    assert {taught.problem for taught in rounds} == {puzzle(0)}
    assert len({taught.reply for taught in rounds}) > 3


def test_the_control_has_the_same_puzzles_and_as_many_mistakes(own: OwnMistakes) -> None:
    control = OwnMistakes(own.lines, is_used=False)
    for index in range(20):
        mine, theirs = own.example(SEED, index, 0.65, 8), control.example(SEED, index, 0.65, 8)
        assert mine.problem == theirs.problem
        assert mine.reply.count("<reflection>") == theirs.reply.count("<reflection>")
        assert mine.segments[-3:] == theirs.segments[-3:]  # the right attempt
    drawn = {line for index in range(200) for line in attempts_of(control, index)}
    assert len(drawn) > 4 * NUM_PUZZLES


def test_a_wrong_decision_is_taught_with_what_it_really_reaches() -> None:
    asked, counts = puzzle(0), Counts()
    right, wrong = (attempts[0].line.strip() for attempts in sorted_out(asked))
    dishonest = wrong.rpartition("=")[0] + f"= {asked.target}"
    reply = f"<thinking>\n{dishonest}\n{wrong}\n{right}\n99 + 1 = 100\n</thinking>\n<output>x"
    assert mistakes(asked, reply, counts) == [wrong, wrong]
    assert (counts.right, counts.honest, counts.dishonest, counts.unreadable) == (1, 1, 1, 1)


def test_of_a_right_decision_with_a_wrong_result_nothing_is_taught() -> None:
    asked, counts = puzzle(0), Counts()
    right = sorted_out(asked)[0][0].line.strip()
    off = right.rpartition("=")[0] + f"= {asked.target + 1}"
    assert mistakes(asked, f"<thinking>\n{off}\n</thinking>", counts) == []
    assert counts.right == 1


def test_what_was_collected_is_saved_and_loaded(tmp_path: Path) -> None:
    model = build_model(TINY, tiny_tokenizer())
    found = collect(model, tiny_tokenizer(), SEED, 3, 2)
    assert len(found.lines) == 3
    found.save(tmp_path / "own.json")
    assert OwnMistakes.load(tmp_path / "own.json") == found
    assert OwnMistakes.load(tmp_path / "own.json").counts == found.counts
    assert found.counts.puzzles == 3
    control = replace(found, is_used=False)
    assert control.sha256 != found.sha256
