from pathlib import Path

import pytest

from problems import countdown
from problems.split import Split
from tests.train.small.tiny import TINY, tiny_tokenizer
from train.evidence.own_mistakes import OwnMistakes, _wrong_lines, collect
from train.segments import Kind
from train.small.countdown import sorted_out
from train.small.tuning import build_model

SEED, NUM_PUZZLES = 5, 4


def puzzle(index: int) -> countdown.Puzzle:
    return countdown.puzzle(countdown.source(Split.TRAIN, SEED, index), Split.TRAIN)


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


def test_only_honest_wrong_attempts_are_kept() -> None:
    asked = puzzle(0)
    right, wrong = (attempts[0].line.strip() for attempts in sorted_out(asked))
    dishonest = wrong.rpartition("=")[0] + f"= {asked.target}"
    reply = f"<thinking>\n{wrong}\n{dishonest}\n{right}\n</thinking>"
    assert _wrong_lines(asked, reply) == [wrong]


def test_what_was_collected_is_saved_and_loaded(tmp_path: Path) -> None:
    model = build_model(TINY, tiny_tokenizer())
    found = collect(model, tiny_tokenizer(), SEED, 3, 2)
    assert len(found.lines) == 3
    found.save(tmp_path / "own.json")
    assert OwnMistakes.load(tmp_path / "own.json") == found
    control = OwnMistakes.load(tmp_path / "own.json", is_used=False)
    assert control.lines == found.lines
    assert control.sha256 != found.sha256
