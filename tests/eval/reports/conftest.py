"""Reports in the browser of the page's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from eval.measures.comparison import runs_below
from eval.reports.material import read_material
from eval.reports.report import render
from tests.pages.reader import Reader
from tests.server.page.conftest import driver as driver  # noqa: PLC0414  (a fixture)

OpenReport = Callable[[Path], Reader]


@pytest.fixture
def open_report(driver: WebDriver, tmp_path: Path) -> Iterator[OpenReport]:
    """Write the report of all runs below a folder and open it; nothing may be complained of."""
    readers: list[Reader] = []

    def open_page(runs: Path) -> Reader:
        file = tmp_path / "report.html"
        file.write_text(render("Report", read_material(runs_below(runs))))
        readers.append(Reader(driver, file))
        return readers[-1]

    yield open_page
    for reader in readers:
        complaints = reader.complaints()
        reader.close()
        assert complaints == []
