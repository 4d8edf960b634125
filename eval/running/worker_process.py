"""The process of a Worker: `python -m eval.running.worker_process FD`, started by Worker alone.

It imports what the scorer needs, once, and forks: the fork takes the scores, and when one ends it,
a new fork is there in milliseconds.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import resource
import signal
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from eval.errors import EvalError
from eval.question import Question
from eval.score import SCORER_ERROR, SCORER_TIMEOUT, Score, ScoreFunction

MEMORY_BYTES = 2 << 30
ENDED, REPLACE_ME = 0, 1


def take(score: ScoreFunction, question: Question, texts: Sequence[str]) -> Score:
    """Take a score where one that raises is wrong, with a flag, and harms no other."""
    try:
        return score(question, texts)
    except Exception as error:  # noqa: BLE001 - whatever a reply provoked, the run goes on
        return Score(0, details={"error": type(error).__name__}, flags=(SCORER_ERROR,))


def main(number: int) -> None:
    """Prepare, and keep a fork at work until the pipe ends."""
    pipe: Connection[Any, Any] = Connection(number)
    score, prepare, data, limit_s = pipe.recv()
    try:
        if prepare is not None:
            prepare(data)
    except EvalError as error:
        pipe.send(error)
        return
    _limit_memory()
    _be_silent()
    pipe.send(None)
    is_busy = mmap.mmap(-1, 1)  # shared with the fork
    with contextlib.suppress(BrokenPipeError):
        while (status := _fork(pipe, score, limit_s, is_busy)) != ENDED:
            if is_busy[0]:
                flag = SCORER_TIMEOUT if status == -signal.SIGPROF else SCORER_ERROR
                pipe.send(Score(0, flags=(flag,)))
                is_busy[0] = False


def _fork(
    pipe: Connection[Any, Any], score: ScoreFunction, limit_s: float, is_busy: mmap.mmap
) -> int:
    """Let a fork take scores and return its exit status, negative for the signal that ended it."""
    pid = os.fork()
    if pid == 0:
        os._exit(_take_scores(pipe, score, limit_s, is_busy))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _take_scores(
    pipe: Connection[Any, Any], score: ScoreFunction, limit_s: float, is_busy: mmap.mmap
) -> int:
    """Take scores, each under a timer of CPU time by which the kernel kills this process."""
    try:
        while True:
            question, texts = pipe.recv()
            is_busy[0] = True
            signal.setitimer(signal.ITIMER_PROF, limit_s)
            found = take(score, question, texts)
            signal.setitimer(signal.ITIMER_PROF, 0)
            is_busy[0] = False
            pipe.send(found)
            if SCORER_ERROR in found.flags:  # out of memory, perhaps: not to be trusted further
                return REPLACE_ME
    except (EOFError, OSError):
        return ENDED


def _limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))


def _be_silent() -> None:
    """Parsers print what they cannot read, and that is text of replies."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stderr.fileno())


if __name__ == "__main__":
    main(int(sys.argv[1]))
