import pytest

from problems import countdown, word_problems
from problems.split import Split
from train.building.generated import read_generated
from train.building.settings import Generated
from train.segments import Kind


@pytest.mark.parametrize("family", ["countdown", "word problems"])
def test_problems_are_those_that_training_may_draw(family: str) -> None:
    found = list(read_generated(Generated(family, 200, 0.5), 1, 0.0))  # type: ignore[arg-type]
    assert len(found) == 200
    assert all(one.is_generated and one.source == family for one in found)
    if family == "word problems":
        assert not any(word_problems.is_fresh(one.question) for one in found)
    else:
        rng = [countdown.source(Split.TRAIN, 1, index) for index in range(200)]
        puzzles = [countdown.puzzle(each, Split.TRAIN).prompt for each in rng]
        assert [one.question for one in found] == puzzles


def test_mistakes_come_as_often_as_asked() -> None:
    def share(mistakes: float) -> float:
        found = read_generated(Generated("countdown", 200, mistakes), 1, 0.0)
        return sum(any(s.kind is Kind.WRONG for s in one.segments) for one in found) / 200

    assert share(0.0) == 0
    assert 0.4 < share(0.5) < 0.6


def test_it_is_a_function_of_the_seed() -> None:
    settings = Generated("word problems", 20)
    one, same, other = (list(read_generated(settings, seed, 0.5)) for seed in (1, 1, 2))
    assert one == same
    assert one != other
    assert {each.split for each in one} == {"train", "holdout"}
