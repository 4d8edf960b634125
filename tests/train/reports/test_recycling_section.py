from pathlib import Path

from tests.train.reports.made_up_run import config_of, judged, line, many_lines, write_recycled
from train.config import Config
from train.reports.material import read_material
from train.reports.recycled_row import RecycledRow
from train.reports.recycling_section import recycling_section, stage_counts, without_ratio
from train.settings import Run


def row(status: str, outcome: str) -> RecycledRow:
    return RecycledRow.from_dict(judged([line(1, status, outcome)])[0])


def test_each_stage_counts_those_that_entered_it() -> None:
    rows = [row("ok", "both"), row("ok", "none"), row("parse_failed", "response")]
    assert stage_counts(rows) == {
        "instruction: reply understood": (2, 3),
        "instruction: accepted": (1, 2),
        "response: reply understood": (3, 3),
        "response: accepted": (1, 3),
        "kept in the end": (1, 3),
    }


def test_what_was_not_asked_has_entered_no_stage() -> None:
    skipped = {"instruction": {"status": "skipped", "reason": "", "num_attempts": 0}}
    told = line(1, "api_error", "none", calls=skipped, decisions={})
    rows = [RecycledRow.from_dict(judged([told])[0])]
    assert stage_counts(rows) == {"kept in the end": (0, 1)}


def test_reasons_are_counted_without_the_ratio_of_each_sample() -> None:
    assert without_ratio("r-IFD 1.204 is not below 1") == "r-IFD is not below 1"
    assert without_ratio("not in the top 5 % by IFD") == "not in the top 5 % by IFD"
    assert without_ratio(None) == "kept"


def test_statuses_reasons_and_calls_add_up(tmp_path: Path) -> None:
    write_recycled(tmp_path, many_lines(100))
    section = recycling_section(read_material(config_of(tmp_path)))
    assert section is not None
    assert section["statuses"][0] == ("ok", "86", "86.0 %")
    for counted in ("statuses", "dropped"):
        assert sum(int(count) for _, count, _ in section[counted]) == 100
    assert sum(int(cells[0]) for _, cells in section["calls"]) == 100
    assert section["warnings"] == []


def test_the_cost_is_told_by_sample_and_by_sample_that_is_kept(tmp_path: Path) -> None:
    lines = judged([line(1, "ok", "both"), line(2, "ok", "none")])
    write_recycled(tmp_path, lines, teacher={"num_replies": 4, "read": 1_000, "cost": 3.0})
    section = recycling_section(read_material(config_of(tmp_path)))
    assert section is not None
    told = dict(section["teacher"])
    assert told["replies"] == "4"
    assert told["tokens read"] == "1,000"
    assert told["cost a sample"] == "1.500000"
    assert told["cost a sample that is kept"] == "3.000000"


def test_without_prices_the_cost_is_unknown_and_not_nothing(tmp_path: Path) -> None:
    write_recycled(tmp_path, many_lines(5), teacher={"cost": 0.0})
    section = recycling_section(read_material(Config(Run("r", tmp_path))))
    assert section is not None
    assert dict(section["teacher"])["cost"] == "unknown: [teacher] names no prices"


def test_what_is_wrong_with_the_files_is_said(tmp_path: Path) -> None:
    write_recycled(tmp_path, many_lines(5), num_passing=2, recycled_sha256="0" * 64)
    section = recycling_section(read_material(config_of(tmp_path)))
    assert section is not None
    assert [warning.split(":")[0] for warning in section["warnings"]] == [
        "recycled.jsonl is not the file that recycled.json describes",
        "2 samples wait for another go",
    ]
    (tmp_path / "recycled.json").unlink()
    section = recycling_section(read_material(config_of(tmp_path)))
    assert section is not None
    assert section["warnings"][0].startswith("recycled.json is missing")
