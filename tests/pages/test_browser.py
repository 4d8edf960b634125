"""What every report's browser of samples does, in Chromium."""

from pathlib import Path

from selenium.webdriver.chrome.webdriver import WebDriver

from tests.pages.plain_page import plain_page
from tests.pages.reader import Reader

SAMPLES = [{"kind": f"k{i % 3}", "text": f"Text {i} of <b>many</b>"} for i in range(60)]


def test_samples_are_filtered_searched_and_turned_over(driver: WebDriver, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(plain_page(SAMPLES))
    reader = Reader(driver, file)
    assert (reader.found, reader.page, len(reader.ids())) == ("60 of 60", "page 1 of 3", 25)
    reader.step("next")
    assert reader.page == "page 2 of 3"
    assert reader.options("kind") == ["any", "k0 (20)", "k1 (20)", "k2 (20)"]
    reader.choose("kind", "k1 (20)")
    assert (reader.found, reader.page) == ("20 of 60", "page 1 of 1")
    reader.search("TEXT 1 of <b>", "1 of 60")
    assert "Text 1 of <b>many</b>" in reader.read(0)
    marked = "return document.querySelector('mark').textContent"
    assert reader.script(marked) == "Text 1 of <b>"
    assert reader.complaints() == []
    reader.close()
