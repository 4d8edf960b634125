import asyncio
import os
from pathlib import Path

import pytest

from eval.errors import EvalError
from eval.question import Question
from eval.running.scoring import Scoring
from eval.score import SCORER_ERROR, SCORER_TIMEOUT, Score
from tests.eval.running import scorers_that_fail as fails

QUESTION = Question(id="q", turns=("?",), gold="1")
RIGHT, WRONG = Score(1.0, extracted="1"), Score(0.0, extracted="2")
TIMEOUT = Score(0, flags=(SCORER_TIMEOUT,))
CRASH = Score(0, flags=(SCORER_ERROR,))
SCORES = {
    "1": RIGHT,
    "2": WRONG,
    "hang": TIMEOUT,
    "crash": CRASH,
    "raise": Score(0, details={"error": "RecursionError"}, flags=(SCORER_ERROR,)),
    "eat": Score(0, details={"error": "MemoryError"}, flags=(SCORER_ERROR,)),
}


def pairs(*texts: str) -> list[tuple[Question, list[str]]]:
    return [(QUESTION, [text]) for text in texts]


def test_a_score_that_hangs_crashes_raises_or_eats_the_memory_is_wrong_and_harms_no_other() -> None:
    texts = ["1", "hang", "1", "2", "crash", "1", "raise", "2", "eat", "1", "crash", "2"]
    with Scoring(fails.IN_WORKERS, workers=2) as scoring:
        assert scoring.score_all(pairs(*texts)) == [SCORES[text] for text in texts]


async def test_scores_asked_for_at_once_come_each_to_its_asker() -> None:
    texts = ["1", "2", "hang", "2", "1", "crash", "1"] * 2
    async with Scoring(fails.IN_WORKERS, workers=2) as scoring:
        scores = await asyncio.gather(*(scoring.score(QUESTION, [text]) for text in texts))
    assert scores == [SCORES[text] for text in texts]


async def test_without_a_limit_the_score_is_taken_in_place() -> None:
    async with Scoring(fails.IN_PLACE) as scoring:
        assert (await scoring.score(QUESTION, ["process"])).extracted == str(os.getpid())
        assert (await scoring.score(QUESTION, ["raise"])) == SCORES["raise"]
        assert scoring.score_all(pairs("1", "2", "raise")) == [RIGHT, WRONG, SCORES["raise"]]


def test_with_a_limit_the_score_is_taken_elsewhere_by_as_many_processes_as_were_asked_for() -> None:
    with Scoring(fails.IN_WORKERS, workers=2) as scoring:
        found = {score.extracted for score in scoring.score_all(pairs(*["process"] * 200))}
    assert len(found) == 2


def test_waiting_for_a_turn_is_not_running() -> None:
    texts = ["hang"] * 3 + ["1"]  # three limits pass before the last one's turn
    with Scoring(fails.IN_WORKERS, workers=1) as scoring:
        assert scoring.score_all(pairs(*texts)) == [TIMEOUT, TIMEOUT, TIMEOUT, RIGHT]


def test_slow_imports_are_outside_the_limit_also_after_a_process_was_killed() -> None:
    with Scoring(fails.SLOW_TO_IMPORT, workers=1) as scoring:
        assert scoring.score_all(pairs("1", "hang", "1")) == [RIGHT, TIMEOUT, RIGHT]


def test_what_prepare_misses_is_said_before_the_first_score(tmp_path: Path) -> None:
    for scorer in (fails.WANTS_DATA, fails.WANTS_DATA_IN_PLACE):
        with pytest.raises(EvalError, match="give --data"), Scoring(scorer):
            pass
        with Scoring(scorer, data=tmp_path) as scoring:
            assert scoring.score_all(pairs("1")) == [RIGHT]


def test_sets_have_one_order_in_every_process() -> None:
    def order() -> str | None:
        with Scoring(fails.IN_WORKERS, workers=1) as scoring:
            return scoring.score_all(pairs("order of a set"))[0].extracted

    assert order() == order()


def test_no_pairs_have_no_scores() -> None:
    for scorer in (fails.IN_PLACE, fails.IN_WORKERS):
        with Scoring(scorer, workers=1) as scoring:
            assert scoring.score_all([]) == []


async def test_a_run_that_is_cancelled_leaves_no_process_behind() -> None:
    async with Scoring(fails.IN_WORKERS, workers=1) as scoring:
        pid = int((await scoring.score(QUESTION, ["process"])).extracted or "")
        waiting = [asyncio.ensure_future(scoring.score(QUESTION, ["hang"])) for _ in range(50)]
        await asyncio.sleep(0.05)
        for task in waiting:
            task.cancel()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
