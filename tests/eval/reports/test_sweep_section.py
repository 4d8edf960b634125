import json
from pathlib import Path

import pytest

from eval.errors import RunError
from eval.reports.sweep_section import points_of, read_sweep, row, sweep_section
from tests.eval.reports import gallery


def test_a_sweep_has_a_row_a_step(tmp_path: Path) -> None:
    file = tmp_path / "sweep.json"
    file.write_text(json.dumps(gallery.sweep()))
    found = sweep_section(read_sweep(file), 0)
    assert [one["label"] for one in found["rows"]] == ["none", "low", "medium", "high"]
    assert found["rows"][0]["difference"] == ""
    assert (found["rows"][3]["difference"], found["rows"][3]["p"]) == ("+18.90", "0.003")
    assert found["plot"].startswith("<svg")


def test_steps_whose_thinking_is_not_told_are_in_the_table_alone() -> None:
    sweep = gallery.sweep()
    for point in sweep["points"]:
        point["thinking"] = "not available"
    assert points_of(sweep) == []
    assert row(sweep["points"][1], "gsm8k")["thinking"] == "–"
    assert sweep_section(sweep, 0)["plot"] == ""


@pytest.mark.parametrize("content", ["{", "[]", '{"format": 2}', '{"format": 1, "points": []}'])
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "sweep.json").write_text(content)
    with pytest.raises(RunError, match=r"sweep\.json"):
        read_sweep(tmp_path / "sweep.json")
