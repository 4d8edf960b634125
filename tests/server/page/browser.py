"""Browser: the page as a person has it before them; finds, types, clicks, waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.live import LiveServer

WAIT_S = 30.0  # the machine may be busy
FORGET = "sessionStorage.clear(); localStorage.clear()"


class Browser:
    """One page of one server in the session's tab."""

    def __init__(self, driver: WebDriver, server: LiveServer) -> None:
        """Keep both; nothing is opened yet."""
        self.driver = driver
        self.server = server

    def open(self, *, is_ready: bool = True) -> None:
        """Load the page, and wait until it has a model to ask."""
        self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        self.driver.get(f"{self.server.url}/")
        if is_ready:
            self.wait(lambda: self.find("#model").is_enabled())

    def forget(self) -> None:
        """Leave nothing of this test in the tab."""
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        self.script(FORGET)
        self.driver.get("about:blank")

    def complaints(self) -> list[str]:
        """What the console said; refused and broken requests are the tests' own doing."""
        entries = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [entry["message"] for entry in entries if entry["source"] != "network"]

    def script(self, text: str, *arguments: object) -> Any:
        """Run a script in the page and return its value."""
        return self.driver.execute_script(text, *arguments)

    def module(self, name: str, text: str, *arguments: object) -> Any:
        """Run a script that has a module of the page as `module`, and return its value."""
        program = (
            "const done = arguments[arguments.length - 1];"
            f"import('/page/{name}').then(async (module) => {{ {text} }})"
            ".then(done, (error) => done('error: ' + error.stack));"
        )
        return self.driver.execute_async_script(program, *arguments)

    def wait(self, is_true: Callable[[], object]) -> None:
        """Wait for a condition; fail with the page's text if it does not come."""
        deadline_s = time.monotonic() + WAIT_S
        while True:
            try:
                if is_true():
                    return
            except StaleElementReferenceException:
                pass
            if time.monotonic() > deadline_s:
                raise AssertionError(f"it did not come true; the page says:\n{self.text('body')}")
            time.sleep(0.01)

    def find(self, selector: str) -> WebElement:
        """Find one element that must be there."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        """Find all elements."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        """Read an element as it is shown."""
        return self.find(selector).text

    def is_shown(self, selector: str) -> bool:
        """Tell whether one of the elements can be seen."""
        return any(element.is_displayed() for element in self.all(selector))

    def wait_for_text(self, selector: str, text: str) -> None:
        """Wait until an element shows a text."""
        self.wait(lambda: text in " ".join(element.text for element in self.all(selector)))

    def click(self, selector: str) -> None:
        """Click one element."""
        self.find(selector).click()

    def press(self, *keys: str) -> None:
        """Press keys wherever the focus is."""
        self.driver.switch_to.active_element.send_keys(*keys)

    def focused(self) -> str:
        """Return the id of what has the focus, or its tag."""
        return str(self.script("const e = document.activeElement; return e.id || e.tagName"))

    def set(self, name: str, value: str) -> None:
        """Set a field of the settings, as typing would."""
        self.script(
            "const e = document.getElementById('settings').elements[arguments[0]];"
            "e.value = arguments[1]; e.dispatchEvent(new Event('change', {bubbles: true}))",
            name,
            value,
        )

    def send(self, question: str) -> None:
        """Type a question and send it."""
        self.find("#question").send_keys(question, Keys.ENTER)

    def ask(self, question: str) -> str:
        """Send a question, wait for the whole answer, and return it as shown."""
        num_turns = len(self.all(".turn"))
        self.send(question)
        self.wait(lambda: len(self.all(".turn")) == num_turns + 1)
        self.wait_for_state("done")
        return self.all(".turn .markdown")[-1].text

    def wait_for_state(self, state: str) -> None:
        """Wait until the last turn is in a state."""
        self.wait(lambda: self.all(".turn")[-1].get_attribute("data-state") == state)

    def emulate(self, **features: str) -> None:
        """Let the system prefer something, as prefers_color_scheme='dark'."""
        wanted = [{"name": k.replace("_", "-"), "value": v} for k, v in features.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": wanted})

    def resize(self, width: int, height: int) -> None:
        """Give the page a size."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
