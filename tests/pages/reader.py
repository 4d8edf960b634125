"""Reader: a report as a person has it before them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

WAIT_S = 20.0  # the machine may be busy
SEARCH = """
document.getElementById("list").append(document.createComment("old"));
const box = document.querySelector("[name=text]");
box.value = arguments[0];
box.dispatchEvent(new Event("input", { bubbles: true }));
"""
IS_OLD = "return document.getElementById('list').lastChild?.nodeName === '#comment'"


class Reader:
    """One report in the session's tab."""

    def __init__(self, driver: WebDriver, file: Path) -> None:
        """Open it."""
        self.driver = driver
        self.complaints()
        driver.get(file.as_uri())
        self.wait(lambda: self.found != "", "the browser of samples did not start")

    def complaints(self) -> list[str]:
        """What the console said since it was asked last."""
        entries = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [entry["message"] for entry in entries]

    def close(self) -> None:
        """Leave an empty tab."""
        self.driver.get("about:blank")

    def script(self, text: str) -> Any:
        """Run a script in the page, past its policy, and return its value."""
        return self.driver.execute_script(text)

    def options(self, name: str) -> list[str]:
        """Return what a filter offers."""
        return [option.text for option in self._select(name).options]

    def choose(self, name: str, text: str) -> None:
        """Set a filter."""
        self._select(name).select_by_visible_text(text)

    def search(self, text: str, found: str) -> None:
        """Put a text into the search, and wait for that to be found.

        At once, not key by key: the page searches when there is a pause, and here there is one.
        """
        self.driver.execute_script(SEARCH, text)
        self.wait(lambda: not self.script(IS_OLD), "the list was not made anew")
        assert self.found.startswith(found), self.found

    @property
    def found(self) -> str:
        """How many samples the filters leave."""
        return self.driver.find_element(By.ID, "found").text

    @property
    def page(self) -> str:
        """Which page is shown."""
        return self.driver.find_element(By.ID, "page").text

    def step(self, name: str) -> None:
        """Press a button of the pager."""
        self.driver.find_element(By.XPATH, f"//button[text()='{name}']").click()

    def ids(self) -> list[str]:
        """Return the ids of the samples on the page."""
        lines = self.driver.find_elements(By.CSS_SELECTOR, "#list .facts-line > :first-child")
        return [line.text for line in lines]

    def read(self, number: int) -> str:
        """Open a sample of the page and return its text."""
        sample = self.driver.find_elements(By.CSS_SELECTOR, "#list .sample")[number]
        sample.find_element(By.TAG_NAME, "summary").click()
        self.wait(lambda: bool(sample.find_elements(By.CLASS_NAME, "body")), "it did not open")
        return sample.text

    def wait(self, is_so: Callable[[], bool], otherwise: str) -> None:
        """Wait until it is so; the machine may be busy."""
        deadline_s = time.monotonic() + WAIT_S
        while not is_so():
            assert time.monotonic() < deadline_s, (otherwise, self.complaints())
            time.sleep(0.05)

    def _select(self, name: str) -> Select:
        return Select(self.driver.find_element(By.NAME, name))


def text_of(page: str) -> str:
    """Return what is read of a page: no elements, one space between words."""
    body = re.sub(r"<(script|style|title)\b.*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())
