import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from train.config import Config
from train.recycling.results import Results
from train.recycling.settings import Recycle, Teacher
from train.recycling.summary import done, inputs, write_summary
from train.scoring.settings import Score
from train.settings import Run

MANIFEST = {"samples_sha256": "abc"}


def config(folder: Path, **sections: Any) -> Config:
    return replace(Config(Run("test", folder)), **sections)


def written(made: Config) -> dict[str, Any]:
    with Results(made.run.dir, made.recycle) as results:
        given = inputs(made, MANIFEST, "m")
        return write_summary(made, given, results, {"cost": 0.0})


def test_the_summary_holds_what_all_of_it_came_from(tmp_path: Path) -> None:
    made = config(tmp_path)
    summary = written(made)
    assert json.loads((tmp_path / "recycled.json").read_text()) == summary
    assert summary["config_sha256"] == made.sha256
    assert summary["inputs"]["samples_sha256"] == "abc"
    assert len(summary["inputs"]["prompts"]) == 3


@pytest.mark.parametrize(
    "section",
    [
        {"teacher": Teacher(max_tokens=9)},
        {"teacher": Teacher(temperatures=(0.5,))},
        {"recycle": Recycle(top_percent=5)},
        {"score": Score(max_length=512)},
    ],
)
def test_what_changes_the_result_makes_it_undone(tmp_path: Path, section: Any) -> None:
    written(config(tmp_path))
    assert done(tmp_path, inputs(config(tmp_path), MANIFEST, "m")) is not None
    assert done(tmp_path, inputs(config(tmp_path, **section), MANIFEST, "m")) is None


@pytest.mark.parametrize("section", [{"teacher": Teacher(concurrency=9, price_read=1.0)}])
def test_what_does_not_change_the_result_leaves_it_done(tmp_path: Path, section: Any) -> None:
    written(config(tmp_path))
    assert done(tmp_path, inputs(config(tmp_path, **section), MANIFEST, "m")) is not None


def test_another_teacher_or_other_samples_make_it_undone(tmp_path: Path) -> None:
    made = config(tmp_path)
    written(made)
    assert done(tmp_path, inputs(made, MANIFEST, "n")) is None
    assert done(tmp_path, inputs(made, {"samples_sha256": "d"}, "m")) is None


def test_without_its_lines_it_is_undone(tmp_path: Path) -> None:
    made = config(tmp_path)
    written(made)
    (tmp_path / "recycled.jsonl").unlink()
    assert done(tmp_path, inputs(made, MANIFEST, "m")) is None


def test_another_student_in_the_same_folder_makes_it_undone(tmp_path: Path) -> None:
    weights = tmp_path / "student" / "model.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(b"as it was")
    made = config(tmp_path, score=Score(model=str(weights.parent)))
    written(made)
    assert done(tmp_path, inputs(made, MANIFEST, "m")) is not None
    weights.write_bytes(b"tuned on")
    assert done(tmp_path, inputs(made, MANIFEST, "m")) is None
