"""Reports of runs in the browser of the page's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.pages.reader import Reader
from tests.server.page.conftest import driver as driver  # noqa: PLC0414  (a fixture)
from tests.train.reports.made_up_run import config_of
from train.reports.lengths import Lengths
from train.reports.material import read_material
from train.reports.report import render

OpenReport = Callable[[Path], Reader]


@pytest.fixture
def open_report(driver: WebDriver, tmp_path: Path) -> Iterator[OpenReport]:
    """Write the report of a run folder and open it; nothing may be complained of."""
    readers: list[Reader] = []

    def open_page(folder: Path) -> Reader:
        file = tmp_path / "report.html"
        material = read_material(config_of(folder))
        file.write_text(render(material, Lengths("words"), None))
        readers.append(Reader(driver, file))
        return readers[-1]

    yield open_page
    for reader in readers:
        complaints = reader.complaints()
        reader.close()
        assert complaints == []
