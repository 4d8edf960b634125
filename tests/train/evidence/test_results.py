"""The results that are in the repository: what the pages say is what the record says."""

import json
from pathlib import Path
from typing import Any

import pytest

from train.evidence.plots import evidence_plot
from train.evidence.summary import summary
from train.evidence_command import SHOWN

ROOT = Path(__file__).parents[3]
RESULTS = ROOT / "train" / "evidence" / "results"


@pytest.fixture(scope="module")
def record() -> Any:
    return json.loads((RESULTS / "evidence.json").read_text(encoding="utf-8"))


def test_tables_and_plot_are_those_of_the_record(record: Any) -> None:
    assert (RESULTS / "evidence.md").read_text(encoding="utf-8") == summary(record)
    assert (RESULTS / "evidence.svg").read_text(encoding="utf-8") == evidence_plot(record, SHOWN)


def test_the_page_repeats_rows_of_the_tables_to_the_digit(record: Any) -> None:
    page = (ROOT / "train" / "README.md").read_text(encoding="utf-8")
    told = page.partition("## Does it help?")[2].partition("\n## ")[0]
    rows = [line for line in told.splitlines() if line.startswith("|")]
    known = summary(record).splitlines()
    assert len(rows) > 10
    assert [row for row in rows if row not in known] == []
