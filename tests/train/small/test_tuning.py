import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.train.small.tiny import TINY, tiny_tokenizer, tiny_tuning
from train.small.batches import Batch
from train.small.checkpoint import load_checkpoint
from train.small.tuning import RecipeError, StoppedError, Tuning

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Tuning:
    tuning = tiny_tuning(tmp_path_factory.mktemp("whole"))
    tuning.fit(lambda _: {})
    return tuning


def assert_equal(tuning: Tuning, whole: Tuning) -> None:
    ours, theirs = tuning.model.state_dict(), whole.model.state_dict()
    assert all(ours[name].equal(theirs[name]) for name in theirs)
    assert tuning.progress.data_hash == whole.progress.data_hash
    assert tuning.progress.step == whole.progress.step
    assert tuning.progress.loss == whole.progress.loss


def test_a_run_learns_and_counts(whole: Tuning) -> None:
    progress = whole.progress
    assert progress.num_tokens >= TINY.num_tokens
    assert 0 < progress.num_loss_tokens < progress.num_tokens
    assert progress.loss < 5.0  # from ln 400 = 5.99
    assert progress.cpu_s > 0


def test_a_run_killed_with_kill_9_and_resumed_ends_with_the_same_weights(
    tmp_path: Path, whole: Tuning
) -> None:
    checkpoint = tmp_path / "checkpoint.pt"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.train.small.tiny", str(tmp_path)],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    deadline = time.monotonic() + 300
    while not checkpoint.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    state = load_checkpoint(checkpoint)
    assert state is not None
    assert 0 < state["progress"]["step"] < whole.progress.step
    resumed = tiny_tuning(tmp_path)
    assert resumed.resume()
    resumed.fit(lambda _: {})
    assert_equal(resumed, whole)


def test_a_sigterm_saves_and_stops_and_the_run_can_be_resumed(
    tmp_path: Path, whole: Tuning, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = tiny_tuning(tmp_path)
    seen: list[Batch] = []

    def step(batch: Batch) -> None:
        seen.append(batch)
        Tuning.step(stopped, batch)
        if len(seen) == 7:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(stopped, "step", step)
    with pytest.raises(StoppedError, match="step 7"):
        stopped.fit(lambda _: {})
    resumed = tiny_tuning(tmp_path)
    assert resumed.resume()
    assert resumed.progress.step == 7
    resumed.fit(lambda _: {})
    assert_equal(resumed, whole)


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path, whole: Tuning) -> None:
    other = Tuning(replace(TINY, seed=2), tiny_tokenizer(), whole.path.parent)
    with pytest.raises(RecipeError, match="another recipe"):
        other.resume()
    assert not tiny_tuning(tmp_path).resume()


def test_checks_are_made_on_the_way(tmp_path: Path) -> None:
    tuning = Tuning(replace(TINY, num_checks=3, num_tokens=8000), tiny_tokenizer(), tmp_path)
    tuning.fit(lambda _: {"right": 1})
    assert [check["right"] for check in tuning.progress.checks] == [1, 1]
