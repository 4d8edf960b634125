"""Worker: a process in which scores are taken that may hang, crash or eat the memory."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing import Pipe
from pathlib import Path

from eval.errors import EvalError
from eval.question import Question
from eval.score import SCORER_ERROR, SCORER_TIMEOUT, Score, Scorer

PATIENCE = 60  # wall seconds waited for each second of the limit, which is of CPU time


class Worker:
    """One process, started at once, and the pipe to it; used by one thread at a time.

    What hangs is ended by the process itself, on CPU time: a busy machine does not change a score,
    and neither does waiting for a turn. Only what waits without working is ended from here.
    """

    def __init__(self, scorer: Scorer, limit_s: float, data: Path | None) -> None:
        self._arguments = (scorer, limit_s, data)
        self._patience_s = PATIENCE * limit_s
        self._pipe, theirs = Pipe()
        number = theirs.fileno()
        self._process = subprocess.Popen(  # noqa: S603 - our own module in our own interpreter
            [sys.executable, "-m", "eval.running.worker_process", str(number)],
            env=_environment(),
            pass_fds=[number],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is ours to answer, and what it forked ends with it
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
        """Take one score; one that does not come is wrong, with a flag."""
        try:
            self._pipe.send((question, tuple(texts)))
            if self._pipe.poll(self._patience_s):
                score: Score = self._pipe.recv()
                return score
        except (EOFError, OSError):
            self.stop()
            return Score(0, flags=(SCORER_ERROR,))
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
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        return self._process.wait()


def _environment() -> dict[str, str]:
    """Our modules, no threads, and one order of sets: some of SymPy's results hang on it."""
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    ours = {"PYTHONPATH": path, "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
    return dict(os.environ) | ours
