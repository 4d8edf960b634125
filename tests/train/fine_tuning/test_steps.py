import json
from pathlib import Path

from train.fine_tuning.steps import last_losses, read_curves


def test_a_step_told_twice_counts_once_with_its_last_figures(tmp_path: Path) -> None:
    lines = [{"step": 2, "loss": 9.0}, {"step": 1, "loss": 3.0}, {"step": 2, "loss": 2.0}]
    lines += [{"step": 2, "holdout_loss": 2.5}]
    (tmp_path / "curves.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    assert read_curves(tmp_path) == [
        {"step": 1, "loss": 3.0},
        {"step": 2, "loss": 2.0, "holdout_loss": 2.5},
    ]


def test_a_run_that_has_told_nothing_has_no_steps(tmp_path: Path) -> None:
    assert read_curves(tmp_path) == []


def test_of_each_loss_the_last_one_told_counts() -> None:
    steps = [
        {"step": 1, "loss": 3.0, "masked_loss/wrong": 4.0, "loss_share": 0.5, "lr": 0.1},
        {"step": 2, "loss": 2.0, "loss/think": 1.0},
    ]
    assert list(last_losses(steps).items()) == [
        ("loss", 2.0),
        ("loss/think", 1.0),
        ("masked_loss/wrong", 4.0),
    ]
