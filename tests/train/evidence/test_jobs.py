import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from train.command import STOPPED
from train.evidence.arms import HALF, Scale, find
from train.evidence.jobs import LOG, Job, JobError, Jobs
from train.evidence.training import folder_of, is_done


def test_a_base_is_waited_for_and_what_is_done_is_left_alone(tmp_path: Path, tiny: Scale) -> None:
    jobs = [Job(find("LoRA"), 1), Job(find(HALF), 1)]
    assert Jobs(tmp_path, tiny, list(jobs)).run(2) == 0
    results = [folder_of(tmp_path, job.arm.name, 1) / "result.json" for job in jobs]
    written = [file.stat().st_mtime_ns for file in results]
    assert written[1] < written[0]
    assert Jobs(tmp_path, tiny, list(jobs)).run(2) == 0
    assert [file.stat().st_mtime_ns for file in results] == written


def test_a_job_that_fails_ends_the_run_and_names_its_log(tmp_path: Path, tiny: Scale) -> None:
    folder_of(tmp_path, "direct", 1).mkdir(parents=True)
    (folder_of(tmp_path, "direct", 1) / "checkpoint.pt").write_bytes(b"no checkpoint")
    with pytest.raises(JobError, match=rf"direct, seed 1 ended with status 1: .*{LOG} tells why"):
        Jobs(tmp_path, tiny, [Job(find("direct"), 1)]).run(1)


def test_a_sigterm_stops_all_and_the_same_jobs_go_on(tmp_path: Path, tiny: Scale) -> None:
    arm = find("direct")
    log = folder_of(tmp_path, arm.name, 1) / LOG

    def stop_when_it_trains() -> None:
        while not (log.exists() and "tok/s" in log.read_text()):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    longer = replace(tiny, num_tokens=30_000)
    threading.Thread(target=stop_when_it_trains, daemon=True).start()
    status = Jobs(tmp_path, longer, [Job(arm, 1)]).run(1)
    assert status == STOPPED
    assert not is_done(tmp_path, arm, 1, longer)
    assert Jobs(tmp_path, longer, [Job(arm, 1)]).run(1) == 0
    assert is_done(tmp_path, arm, 1, longer)


def test_a_sigterm_while_a_model_is_measured_is_no_failure(tmp_path: Path, tiny: Scale) -> None:
    jobs = Jobs(tmp_path, tiny, [])
    jobs.running["direct", 1] = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"]
    )
    jobs.stop()
    assert jobs.run(1) == STOPPED
