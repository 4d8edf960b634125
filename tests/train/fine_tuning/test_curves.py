from pathlib import Path
from types import SimpleNamespace

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from train.fine_tuning.curves import Curves
from train.fine_tuning.steps import read_curves


class Bar:
    """A bar that keeps what it would show."""

    n = 0

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []

    def set_postfix(self, shown: dict[str, str], *, refresh: bool) -> None:
        self.shown.append({**shown})

    def close(self) -> None:
        """Leave nothing open."""


def tell(folder: Path, start: int, steps: dict[int, float]) -> None:
    with Curves(folder, epochs=3, is_silent=True) as curves:
        state = SimpleNamespace(global_step=start, max_steps=10, epoch=0.0)
        curves.on_train_begin(None, state, None)
        for step, loss in steps.items():
            state.global_step, state.epoch = step, step / 10
            curves.on_step_end(None, state, None)
            curves.on_log(None, state, None, {"loss": loss, "learning_rate": 0.1, "entropy": 1.0})
        curves.on_log(None, state, None, {"train_runtime": 1.0})


def test_a_line_a_log_with_our_names_and_our_epochs(tmp_path: Path) -> None:
    tell(tmp_path, 0, {5: 2.0})
    (line,) = read_curves(tmp_path)
    assert line == {"step": 5, "loss": 2.0, "lr": 0.1, "epoch": pytest.approx(1.5)}


def test_what_a_killed_run_told_beyond_its_checkpoint_is_replaced(tmp_path: Path) -> None:
    tell(tmp_path, 0, {1: 3.0, 2: 2.0})
    tell(tmp_path, 1, {2: 2.5, 3: 1.0})
    assert [(line["step"], line["loss"]) for line in read_curves(tmp_path)] == [
        (1, 3.0),
        (2, 2.5),
        (3, 1.0),
    ]
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [event.step for event in events.Scalars("loss")] == [1, 2, 3]


def test_the_loss_on_the_holdout_joins_the_line_of_its_step(tmp_path: Path) -> None:
    with Curves(tmp_path, epochs=1, is_silent=True) as curves:
        state = SimpleNamespace(global_step=0, max_steps=10, epoch=0.0)
        curves.on_train_begin(None, state, None)
        curves.on_log(None, state, None, {"loss": 2.0})
        curves.on_log(None, state, None, {"eval_loss": 3.0, "eval_runtime": 1.0})
    (line,) = read_curves(tmp_path)
    assert line["loss"] == 2.0
    assert line["holdout_loss"] == 3.0
    assert "eval_runtime" not in line


def test_the_live_line_has_the_loss_of_each_kind_and_keeps_what_it_showed(tmp_path: Path) -> None:
    with Curves(tmp_path, epochs=1, is_silent=True) as curves:
        state = SimpleNamespace(global_step=0, max_steps=10, epoch=0.0)
        curves.on_train_begin(None, state, None)
        curves._bar = bar = Bar()
        first = {"loss": 2.0, "loss/think": 1.5, "masked_loss/wrong": 9.0, "tokens": 7.0}
        curves.on_log(None, state, None, first)
        curves.on_log(None, state, None, {"eval_loss": 3.0, "holdout_loss/think": 2.5})
        curves.on_log(None, state, None, {"loss": 1.0, "loss/think": 0.5})
    told = {"loss": "2", "loss/think": "1.5", "masked_loss/wrong": "9"}
    assert bar.shown == [
        told,
        {**told, "holdout_loss": "3"},
        {**told, "holdout_loss": "3", "loss": "1", "loss/think": "0.5"},
    ]
