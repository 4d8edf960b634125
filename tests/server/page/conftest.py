"""The browser of the page's tests: one headless Chromium a session, a fresh tab a test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.live import LiveServer
from tests.server.page.browser import Browser

FLAGS = (
    "--headless=new",
    "--no-sandbox",  # tests may run as root, in a container
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,900",
)


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    """Chromium as the system has it; nothing is downloaded."""
    browser, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or chromedriver is None:
        pytest.skip("Chromium or its driver is not installed (Debian: chromium, chromium-driver)")
    options = Options()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, Service(chromedriver))
    driver.set_script_timeout(60)
    yield driver
    driver.quit()


@pytest.fixture
def browser_of(driver: WebDriver) -> Iterator[Callable[..., Browser]]:
    """Open the page of a server; after the test the console must have said nothing bad."""
    opened: list[Browser] = []

    def open_page(server: LiveServer, *, is_ready: bool = True) -> Browser:
        browser = Browser(driver, server)
        opened.append(browser)
        browser.open(is_ready=is_ready)
        return browser

    yield open_page
    for browser in opened:
        complaints = browser.complaints()
        browser.forget()
        assert complaints == []


@pytest.fixture
def browser(browser_of: Callable[..., Browser], server: LiveServer) -> Browser:
    """The page of a server with default settings, ready for a question."""
    return browser_of(server)
