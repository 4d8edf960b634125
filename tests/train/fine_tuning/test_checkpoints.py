from pathlib import Path

import pytest

from train.errors import TrainError
from train.fine_tuning.checkpoints import Checkpoints

IDENTITY = {"data": "a", "template": "b"}


def checkpoints(folder: Path, **changes: str) -> Checkpoints:
    return Checkpoints(folder, {**IDENTITY, **changes}, keep=2)


def grow(made: Checkpoints, step: int) -> None:
    folder = made.partial / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "weights").write_text(str(step), "utf-8")


def test_the_last_is_the_one_of_the_highest_step(tmp_path: Path) -> None:
    made = checkpoints(tmp_path)
    assert made.last() is None
    for step in (9, 10):
        grow(made, step)
        made.place(step)
    last = made.last()
    assert last is not None
    assert (last / "weights").read_text("utf-8") == "10"


def test_only_the_last_ones_stay(tmp_path: Path) -> None:
    made = checkpoints(tmp_path)
    for step in (8, 9, 10, 11):
        grow(made, step)
        made.place(step)
    assert [path.name for path in made.all()] == ["checkpoint-11", "checkpoint-10"]


def test_one_that_was_not_placed_is_none(tmp_path: Path) -> None:
    made = checkpoints(tmp_path)
    grow(made, 5)
    assert made.last() is None
    made.clear()
    assert not made.partial.exists()


def test_one_of_other_data_is_refused_by_name_unless_forced(tmp_path: Path) -> None:
    made = checkpoints(tmp_path)
    grow(made, 5)
    made.place(5)
    other = checkpoints(tmp_path, template="c")
    with pytest.raises(TrainError, match=r"checkpoint-5 was made with other template: --restart"):
        other.last()
    assert other.last(is_forced=True) == made.last()


def test_one_of_the_same_step_is_replaced(tmp_path: Path) -> None:
    made = checkpoints(tmp_path)
    for _ in range(2):
        grow(made, 5)
        made.place(5)
    assert [path.name for path in made.all()] == ["checkpoint-5"]


def test_removing_leaves_none(tmp_path: Path) -> None:
    made = checkpoints(tmp_path)
    grow(made, 5)
    made.place(5)
    made.remove()
    assert made.all() == []
