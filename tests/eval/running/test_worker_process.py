import os
import subprocess
import sys
from multiprocessing import Pipe

from eval.errors import EvalError
from eval.question import Question
from eval.running.worker_process import take
from eval.score import SCORER_ERROR, Score
from tests.eval.running import scorers_that_fail as fails

QUESTION = Question(id="q", turns=("?",), gold="1")


def test_a_score_that_raises_is_wrong_and_its_error_is_named() -> None:
    assert take(fails.score, QUESTION, ["1"]) == Score(1.0, extracted="1")
    assert take(fails.score, QUESTION, ["raise"]) == Score(
        0, details={"error": "RecursionError"}, flags=(SCORER_ERROR,)
    )


def start(*job: object) -> tuple[subprocess.Popen[bytes], object]:
    ours, theirs = Pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "eval.running.worker_process", str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    theirs.close()
    ours.send(job)
    answer = ours.recv()
    ours.close()
    return process, answer


def test_it_says_that_it_is_ready_and_ends_with_the_pipe() -> None:
    process, answer = start(fails.score, None, None, 1.0)
    assert (answer, process.wait(timeout=30)) == (None, 0)


def test_what_prepare_misses_is_sent_and_it_ends() -> None:
    process, answer = start(fails.score, fails.want_data, None, 1.0)
    assert isinstance(answer, EvalError)
    assert process.wait(timeout=30) == 0
