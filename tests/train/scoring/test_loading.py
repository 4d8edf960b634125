from pathlib import Path

import pytest

from train.errors import TrainError
from train.scoring.loading import identify
from train.scoring.settings import Score


def test_a_missing_name_and_a_missing_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"score\.model is missing"):
        identify(Score())
    with pytest.raises(TrainError, match=r"score\.model = .*empty"):
        identify(Score(model=str(tmp_path / "empty")))


def test_no_sequence_is_longer_than_the_model_has_positions(student_folder: Path) -> None:
    assert identify(Score(model=str(student_folder), max_length=2048)).settings.max_length == 256
    assert identify(Score(model=str(student_folder), max_length=100)).settings.max_length == 100
