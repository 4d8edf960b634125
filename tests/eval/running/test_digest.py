from dataclasses import replace

import pytest

from client.turn import Turn
from eval.running.digest import digest
from eval.sample import Sample
from eval.score import Score
from tests.eval.running.test_run_folder import LOST, SAMPLE

TURN = SAMPLE.turns[0]


def test_the_order_of_samples_does_not_matter() -> None:
    assert digest([SAMPLE, LOST]) == digest([LOST, SAMPLE])


@pytest.mark.parametrize(
    "same",
    [
        replace(SAMPLE, turns=(replace(TURN, latency_s=9.0, usage=None, fingerprint=None),)),
        replace(SAMPLE, attempts=4),
    ],
)
def test_times_tokens_and_attempts_do_not_matter(same: Sample) -> None:
    assert digest([same]) == digest([SAMPLE])


@pytest.mark.parametrize(
    "other",
    [
        replace(SAMPLE, id="c"),
        replace(SAMPLE, epoch=1),
        replace(SAMPLE, turns=(Turn("<output>4 </output>"),)),
        replace(SAMPLE, turns=(*SAMPLE.turns, Turn("4"))),
        replace(SAMPLE, flags=("empty",)),
        replace(SAMPLE, score=None),
        *(
            replace(SAMPLE, score=score)
            for score in (
                Score(0.0, "4", "last number", 1.0, {"part": [1, 0]}),
                Score(1.0, "5", "last number", 1.0, {"part": [1, 0]}),
                Score(1.0, "4", "boxed", 1.0, {"part": [1, 0]}),
                Score(1.0, "4", "last number", None, {"part": [1, 0]}),
                Score(1.0, "4", "last number", 1.0, {"part": [0, 0]}),
                Score(1.0, "4", "last number", 1.0, {"part": [1, 0]}, ("another",)),
            )
        ),
    ],
)
def test_whatever_was_answered_or_scored_does(other: Sample) -> None:
    assert digest([other]) != digest([SAMPLE])


def test_where_one_turn_ends_and_the_next_begins_matters() -> None:
    split = replace(SAMPLE, turns=(Turn("ab"), Turn("c")))
    joined = replace(SAMPLE, turns=(Turn("a"), Turn("bc")))
    assert digest([split]) != digest([joined])
