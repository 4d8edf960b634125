"""Jobs: every arm with every seed, each a process of its own, so many at once.

python -m train.evidence.jobs OUT ARM SEED SCALE    one job; SCALE: the JSON form of a Scale
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from train.command import STOPPED
from train.errors import TrainError
from train.evidence.arms import Arm, Scale, find

POLL_S = 0.2
LOG = "log.txt"


class JobError(TrainError):
    """A job that failed."""


@dataclass(frozen=True, slots=True)
class Job:
    """One arm with one seed."""

    arm: Arm
    seed: int

    @property
    def base(self) -> tuple[str, int] | None:
        """The job that has to be done before."""
        return (self.arm.base, self.seed) if self.arm.base else None


@dataclass(slots=True)
class Jobs:
    """The jobs of one comparison; owned by the command.

    Done jobs are left alone. At a SIGTERM or Ctrl-C all running ones save and stop.
    """

    out: Path
    scale: Scale
    waiting: list[Job]
    running: dict[tuple[str, int], subprocess.Popen[bytes]] = field(default_factory=dict)
    is_stopping: bool = False

    def run(self, num_workers: int) -> int:
        """Run all, in their order as far as their bases allow; return 0 or STOPPED."""
        former = signal.signal(signal.SIGTERM, lambda *_: self.stop())
        try:
            while self.running or (self.waiting and not self.is_stopping):
                self._start(num_workers)
                time.sleep(POLL_S)
                self._reap()
        except BaseException:
            self.stop()
            for process in self.running.values():
                process.wait()
            raise
        finally:
            signal.signal(signal.SIGTERM, former)
        return STOPPED if self.is_stopping else 0

    def stop(self) -> None:
        """Tell every running job to save and end."""
        self.is_stopping = True
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)

    def _start(self, num_workers: int) -> None:
        from train.evidence.training import folder_of, is_done

        for job in list(self.waiting):
            if self.is_stopping or len(self.running) >= num_workers:
                return
            if is_done(self.out, job.arm, job.seed, self.scale):
                self.waiting.remove(job)
                continue
            if job.base and not is_done(self.out, find(job.base[0]), job.seed, self.scale):
                continue
            folder = folder_of(self.out, job.arm.name, job.seed)
            folder.mkdir(parents=True, exist_ok=True)
            command = [sys.executable, "-m", "train.evidence.jobs", str(self.out), job.arm.name]
            command += [str(job.seed), json.dumps(asdict(self.scale))]
            with (folder / LOG).open("ab") as log:
                self.running[job.arm.name, job.seed] = subprocess.Popen(  # noqa: S603 - our own module
                    command,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, "OMP_NUM_THREADS": "1"},
                    start_new_session=True,  # Ctrl-C reaches this process, which tells them
                )
            self.waiting.remove(job)

    def _reap(self) -> None:
        from train.evidence.training import folder_of

        for (arm, seed), process in list(self.running.items()):
            status = process.poll()
            if status is None:
                continue
            del self.running[arm, seed]
            is_stopped = self.is_stopping and status == -signal.SIGTERM  # while it measured
            if status not in (0, STOPPED) and not is_stopped:
                log = folder_of(self.out, arm, seed) / LOG
                raise JobError(f"{arm}, seed {seed} ended with status {status}: {log} tells why")


def main(argv: Sequence[str]) -> int:
    """Run one job."""
    out, arm, seed, scale = argv
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    from train.evidence.training import train_arm
    from train.small.tuning import StoppedError

    try:
        train_arm(Path(out), find(arm), int(seed), Scale(**json.loads(scale)))
    except StoppedError:
        return STOPPED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
