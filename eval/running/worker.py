"""Worker: a process in which scores are taken that may hang, crash or eat the memory.

Its own side of the pipe is `python -m eval.running.worker FD`, started by Worker alone.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from eval.errors import EvalError
from eval.question import Question
from eval.score import SCORER_ERROR, SCORER_TIMEOUT, Score, ScoreFunction, Scorer

MEMORY_BYTES = 2 << 30
PATIENCE = 60  # wall seconds waited for each second of the limit, which is of CPU time


class Worker:
    """One process, started at once, and the pipe to it; used by one thread at a time.

    The limit is the kernel's: a timer of CPU time, armed for each score, kills the process. So a
    busy machine does not change a score, and neither does waiting for a turn.
    """

    def __init__(self, scorer: Scorer, limit_s: float, data: Path | None) -> None:
        self._arguments = (scorer, limit_s, data)
        self._patience_s = PATIENCE * limit_s
        self._pipe, theirs = Pipe()
        number = theirs.fileno()
        self._process = subprocess.Popen(  # noqa: S603 - our own module in our own interpreter
            [sys.executable, "-m", "eval.running.worker", str(number)],
            env=_environment(),
            pass_fds=[number],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        theirs.close()
        self._pipe.send((scorer.score, scorer.prepare, data, limit_s))

    @property
    def is_alive(self) -> bool:
        """Whether it can take another score."""
        return self._process.poll() is None

    def wait_until_ready(self) -> None:
        """Raise the EvalError of `prepare`, or one of a process that ended over its imports."""
        try:
            error = self._pipe.recv()
        except (EOFError, OSError) as ended:
            raise EvalError(
                f"A process for scoring ended before its first score (exit status {self.stop()}); "
                "what it printed says why."
            ) from ended
        if error is not None:
            self.stop()
            raise error

    def score(self, question: Question, texts: Sequence[str]) -> Score:
        """Take one score; a process that is killed or dies over it makes it wrong, with a flag."""
        try:
            self._pipe.send((question, tuple(texts)))
            if self._pipe.poll(self._patience_s):
                return self._checked(self._pipe.recv())
        except (EOFError, OSError):
            is_slow = self.stop() == -signal.SIGPROF
            return Score(0, flags=(SCORER_TIMEOUT if is_slow else SCORER_ERROR,))
        self.stop()
        return Score(0, flags=(SCORER_TIMEOUT,))

    def successor(self) -> Worker:
        """Return another one in its place, ready for a score."""
        self.stop()
        worker = Worker(*self._arguments)
        worker.wait_until_ready()
        return worker

    def stop(self) -> int:
        """End the process and return its exit status; a second time changes nothing."""
        self._pipe.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1)  # the pipe's end is its own end, if it is idle or dead
        self._process.kill()
        return self._process.wait()

    def _checked(self, score: Score) -> Score:
        if SCORER_ERROR in score.flags:  # out of memory, perhaps: not to be trusted with the next
            self.stop()
        return score


def take(score: ScoreFunction, question: Question, texts: Sequence[str]) -> Score:
    """Take a score where one that raises is wrong, with a flag, and harms no other."""
    try:
        return score(question, texts)
    except Exception as error:  # noqa: BLE001 - whatever a reply provoked, the run goes on
        return Score(0, details={"error": type(error).__name__}, flags=(SCORER_ERROR,))


def _environment() -> dict[str, str]:
    """Our modules, and one order of sets in every process: some of SymPy's results hang on it."""
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    return dict(os.environ) | {"PYTHONPATH": path, "PYTHONHASHSEED": "0"}


def main(number: int) -> None:
    """Take scores until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
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
    with contextlib.suppress(EOFError, OSError):
        while True:
            question, texts = pipe.recv()
            signal.setitimer(signal.ITIMER_PROF, limit_s)
            found = take(score, question, texts)
            signal.setitimer(signal.ITIMER_PROF, 0)
            pipe.send(found)


def _limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))


def _be_silent() -> None:
    """Parsers print what they cannot read, and that is text of replies."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stderr.fileno())


if __name__ == "__main__":
    main(int(sys.argv[1]))
