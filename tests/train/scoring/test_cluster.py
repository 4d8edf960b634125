import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.train.scoring.runs import results, start, write_run

TRIES, TOO_BUSY = 4, "timed out during startup"
ENVIRONMENT = {"RAY_ADDRESS": "local", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
def test_a_ray_cluster_gives_the_bytes_of_one_process(student_folder: Path, tmp_path: Path) -> None:
    alone = start("-c", str(write_run(tmp_path / "alone", student_folder, num_samples=12)))
    file = write_run(tmp_path / "ray", student_folder, num_samples=12)
    command = [sys.executable, "-m", "train", "score", "-c", str(file), "--ray", "1"]
    for _ in range(TRIES):
        ended = subprocess.run(
            command, capture_output=True, text=True, env=os.environ | ENVIRONMENT
        )
        if TOO_BUSY not in ended.stderr:
            break
    assert ended.returncode == 0, ended.stderr
    alone.join()
    assert results(tmp_path / "ray") == results(tmp_path / "alone")
