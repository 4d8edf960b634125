from pathlib import Path

import pytest

from tests.train.scoring.students import make_student
from train.scoring.scorer import Scorer
from train.scoring.settings import Score


@pytest.fixture(scope="session")
def student_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model of one layer with its tokenizer."""
    return make_student(tmp_path_factory.mktemp("students") / "tiny")


@pytest.fixture(scope="session")
def scorer(student_folder: Path) -> Scorer:
    return Scorer(Score(model=str(student_folder), device="cpu", token_budget=512))


@pytest.fixture(scope="session")
def faithful(student_folder: Path) -> Scorer:
    return Scorer(Score(model=str(student_folder), device="cpu", mode="faithful"))
