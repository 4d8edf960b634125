from pathlib import Path

import pytest

from tests.train.reports.made_up_run import (
    config_of,
    line,
    made_up_run,
    many_lines,
    write_recycled,
    write_tuning,
)
from train.errors import DataError
from train.reports.material import read_material


def test_all_of_a_run_is_read(tmp_path: Path) -> None:
    material = read_material(made_up_run(tmp_path, n=20))
    assert len(material.rows) == 20
    assert material.recycled is not None
    assert material.rows_sha256 == material.recycled["recycled_sha256"]
    assert material.built is not None
    assert material.built["num_samples"] == 131
    assert [step["step"] for step in material.curves] == list(range(1, 61))


def test_a_stage_that_has_not_ended_is_none(tmp_path: Path) -> None:
    write_tuning(tmp_path, is_finished=False)
    material = read_material(config_of(tmp_path))
    assert (material.recycled, material.built, material.sft) == (None, None, None)
    assert material.rows == []
    assert len(material.curves) == 60


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds nothing of a run yet"):
        read_material(config_of(tmp_path))


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    broken = line(2, "ok", "both")  # which selection has not judged
    write_recycled(tmp_path, [*many_lines(1), broken])
    with pytest.raises(DataError, match=r"recycled\.jsonl, line 2: lacks 'kept'"):
        read_material(config_of(tmp_path))


@pytest.mark.parametrize(("text", "told"), [("{", "not JSON"), ("[]", "a JSON object")])
def test_a_broken_manifest_is_named(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "data.json").write_text(text)
    with pytest.raises(DataError, match=rf"data\.json: {told}"):
        read_material(config_of(tmp_path))
