import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from eval.errors import EvalError
from eval.question import Question
from eval.running.worker import Worker
from eval.score import SCORER_ERROR, SCORER_TIMEOUT, Score
from tests.eval.running import scorers_that_fail as fails

QUESTION = Question(id="q", turns=("?",), gold="1")
RIGHT = Score(1.0, extracted="1")


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker(fails.IN_A_HURRY, fails.LIMIT_S, None)
    worker.wait_until_ready()
    yield worker
    worker.stop()


def pid_of_fork(worker: Worker) -> int:
    return int(worker.score(QUESTION, ["process"]).extracted or "")


def wait_for_end(pid: int) -> None:
    """Wait until the process is gone, or a zombie that nobody has asked after."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return
        if state == "Z":
            return
        time.sleep(0.01)
    raise AssertionError(f"process {pid} is still there")


def test_what_waits_without_working_is_ended_with_all_that_it_forked() -> None:
    worker = Worker(fails.IN_A_HURRY, 0.02, None)
    worker.wait_until_ready()
    fork = pid_of_fork(worker)
    assert worker.score(QUESTION, ["sleep"]) == Score(0, flags=(SCORER_TIMEOUT,))
    assert not worker.is_alive
    wait_for_end(fork)


def test_its_successor_scores_on(worker: Worker) -> None:
    worker.stop()
    other = worker.successor()
    assert other.score(QUESTION, ["1"]) == RIGHT
    other.stop()


def test_after_a_crash_another_fork_scores_on(worker: Worker) -> None:
    before = pid_of_fork(worker)
    assert worker.score(QUESTION, ["crash"]) == Score(0, flags=(SCORER_ERROR,))
    assert pid_of_fork(worker) != before
    assert worker.is_alive


def test_a_fork_that_is_killed_while_it_is_idle_costs_no_score(worker: Worker) -> None:
    fork = pid_of_fork(worker)
    os.kill(fork, signal.SIGKILL)
    wait_for_end(fork)
    assert worker.score(QUESTION, ["1"]) == RIGHT


def test_stopped_twice_it_is_stopped(worker: Worker) -> None:
    assert worker.stop() == worker.stop()
    assert not worker.is_alive


def test_a_process_that_dies_over_its_imports_is_an_error_with_its_status() -> None:
    worker = Worker(fails.DIES_EARLY, 1.0, None)
    with pytest.raises(EvalError, match="exit status 3"):
        worker.wait_until_ready()
