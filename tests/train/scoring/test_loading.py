import shutil
from pathlib import Path
from typing import Any

import pytest

from train.errors import TrainError
from train.scoring.loading import BEHIND_HEAD, TOLERANCE, identify, is_plain, load_student
from train.scoring.settings import Score


def test_a_missing_name_and_a_missing_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"score\.model is missing"):
        identify(Score())
    with pytest.raises(TrainError, match=r"score\.model = .*empty"):
        identify(Score(model=str(tmp_path / "empty")))


def test_a_student_without_a_chat_template_is_refused_where_one_is_wanted(
    student_folder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(student_folder, tmp_path / "plain")
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(TrainError, match="no chat template"):
        identify(Score(model=str(folder), template="chat"))
    assert identify(Score(model=str(folder))).sha256


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_head_whose_logits_are_changed_behind_it_is_not_plain(
    student_folder: Path, dtype: Any
) -> None:
    student = load_student(identify(Score(model=str(student_folder), device="cpu", dtype=dtype)))
    assert student.is_plain
    student.model.register_forward_hook(scale_logits)
    assert not is_plain(student.model, TOLERANCE[dtype])


def scale_logits(_: object, __: object, reply: Any) -> None:
    """Make all logits 1 % greater."""
    reply.logits *= 1.01


@pytest.mark.parametrize("name", BEHIND_HEAD)
def test_what_a_configuration_does_to_logits_is_not_left_to_the_probe(
    student_folder: Path, name: str
) -> None:
    student = load_student(identify(Score(model=str(student_folder), device="cpu")))
    for value, is_plain_with_it in ((None, True), (1.0, True), (30.0, False)):
        setattr(student.model.config, name, value)
        assert is_plain(student.model, TOLERANCE["float32"]) == is_plain_with_it


def test_no_sequence_is_longer_than_the_model_has_positions(student_folder: Path) -> None:
    assert identify(Score(model=str(student_folder), max_length=2048)).settings.max_length == 256
    assert identify(Score(model=str(student_folder), max_length=100)).settings.max_length == 100
