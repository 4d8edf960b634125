import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.train.scoring.runs import num_lines, results, start, write_run
from tests.train.scoring.students import make_samples
from train.scoring.scorer import Scorer
from train.scoring.settings import Score
from train.scoring.shards import Work, numbers_of, score_shard, targets_of

NUM_KILLS = 20


@pytest.fixture(scope="module")
def undisturbed(student_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "undisturbed"
    child = start("-c", str(write_run(folder, student_folder)))
    child.join()
    assert child.exitcode == 0
    return folder


@pytest.mark.parametrize("world", [1, 2, 3, 7])
def test_every_sample_is_in_one_shard_and_every_shard_in_one_process(world: int) -> None:
    samples = make_samples(50)
    work = Work.of(Score(shards=7), Path(), samples)
    numbers = [number for rank in range(world) for number in numbers_of(rank, world, 7)]
    assert sorted(numbers) == list(range(7))
    assert sorted(id for number in numbers for id, _ in work.shard(number)) == sorted(samples)


def test_a_samples_shard_does_not_depend_on_the_other_samples() -> None:
    few, many = make_samples(5), make_samples(50)
    narrow, wide = (Work.of(Score(shards=7), Path(), each) for each in (few, many))
    for number in range(7):
        assert narrow.shard(number) == [one for one in wide.shard(number) if one[0] in few]


def test_paths_hold_in_the_folder_of_any_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "student").mkdir()
    monkeypatch.chdir(tmp_path)
    work = Work.of(Score(model="student"), Path("run/scores"), {})
    assert (work.settings.model, work.folder) == (
        str(tmp_path / "student"),
        tmp_path / "run" / "scores",
    )
    assert Work.of(Score(model="some/student"), Path(), {}).settings.model == "some/student"


def test_a_shard_scored_again_writes_nothing(tmp_path: Path, scorer: Scorer) -> None:
    work = Work.of(Score(shards=2), tmp_path, make_samples(6))
    score_shard(work, 0, scorer)
    before = {file: file.read_bytes() for file in tmp_path.glob("*.jsonl")}
    score_shard(work, 0, scorer)
    assert {file: file.read_bytes() for file in tmp_path.glob("*.jsonl")} == before
    num_targets = sum(len(targets_of(*one, scorer.template)) for one in work.shard(0))
    assert [content.count(b"\n") for content in before.values()] == [num_targets]


def test_kill_9_at_twenty_random_moments_changes_no_byte(
    undisturbed: Path, student_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "killed"
    file = write_run(folder, student_folder)
    total = num_lines(undisturbed)
    draw = random.Random(7)
    moments = sorted(draw.randrange(total) for _ in range(NUM_KILLS))
    num_killed = 0
    for moment in moments:
        child = start("-c", str(file))
        while child.is_alive() and num_lines(folder) < moment:
            time.sleep(0.001)
        time.sleep(draw.random() * 0.01)
        if child.is_alive() and child.pid is not None:
            os.kill(child.pid, signal.SIGKILL)
            num_killed += 1
        child.join()
    last = start("-c", str(file))
    last.join()
    assert last.exitcode == 0
    assert num_killed >= NUM_KILLS // 2
    assert results(folder) == results(undisturbed)
    assert num_lines(folder) == total


def test_torchrun_with_two_processes_gives_the_bytes_of_one(
    undisturbed: Path, student_folder: Path, tmp_path: Path
) -> None:
    file = write_run(tmp_path / "two", student_folder)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", "-m", "train", "score", "-c", str(file)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("24 samples: 24 ok") == 1
    assert results(tmp_path / "two") == results(undisturbed)
