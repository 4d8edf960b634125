"""The page can be used by keyboard, read aloud, seen in either light, and held in a hand."""

# ruff: noqa: E501  (scripts)
from __future__ import annotations

from collections.abc import Callable

import pytest
from selenium.webdriver.common.keys import Keys as Press

from server.errors import EngineError
from server.keys.policy import Reasoning
from server.settings import Settings
from tests.fakes import Script
from tests.live import LiveServer
from tests.server.page.browser import Browser

ANSWER = (
    "# Title\n\nText with [a link](https://x.y), `code` and **more**.\n\n> A quote.\n\n"
    "| a | b |\n|---|--:|\n| 1 | 2 |\n\n```py\nx = 1\n```\n\n- one\n- [ ] two\n\n" + "word " * 100
)
THINKING = "A thought.\n<reflection>\nA doubt.\n</reflection>\nAnother."
# What is wrong with an element, as accessibility checkers see it; [] is nothing.
CHECKS = """
const wrong = [];
const isShown = (e) => e.checkVisibility({visibilityProperty: true});
const name = (e) => (e.getAttribute('aria-label') || [...(e.labels ?? [])].map((l) => l.textContent).join(' ')
  || document.getElementById(e.getAttribute('aria-labelledby'))?.textContent || e.textContent || '').trim();
for (const e of document.querySelectorAll('button, a, input, select, textarea, summary, [role=region]')) {
  if (isShown(e) && !name(e)) wrong.push('no name: ' + e.outerHTML);
}
const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
for (const id of ids) if (ids.filter((other) => other === id).length > 1) wrong.push('id twice: ' + id);
for (const attribute of ['for', 'aria-controls', 'aria-labelledby', 'aria-describedby']) {
  for (const e of document.querySelectorAll(`[${attribute}]`)) {
    if (!document.getElementById(e.getAttribute(attribute))) wrong.push(attribute + ': ' + e.outerHTML);
  }
}
const levels = [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].filter(isShown).map((e) => +e.localName[1]);
levels.forEach((level, i) => { if (level > (levels[i - 1] ?? 0) + 1) wrong.push('heading levels ' + levels); });
for (const landmark of ['header', 'main', 'h1', '[lang]', 'title']) {
  if (document.querySelectorAll(landmark).length !== 1) wrong.push('not one ' + landmark);
}
return wrong;
"""
# Every text whose colour is too near to the colour behind it (WCAG's 4.5 to 1).
CONTRAST = """
const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
const rgba = (colour) => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
};
const over = (top, below) => [0, 1, 2].map((i) => (top[i] * top[3] + below[i] * (255 - top[3])) / 255);
const light = (rgb) => rgb.map((c) => c / 255)
  .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const behind = (e) => e ? over(rgba(getComputedStyle(e).backgroundColor), behind(e.parentElement)) : [255, 255, 255];
const low = [];
let num = 0;
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const e = walker.currentNode.parentElement;
  const isShown = e.checkVisibility({visibilityProperty: true, opacityProperty: true}) && e.closest('.offscreen, template') === null;
  if (!walker.currentNode.data.trim() || !isShown || e.matches(':disabled, :disabled *')) continue;
  num += 1;
  const below = behind(e);
  const [a, b] = [light(over(rgba(getComputedStyle(e).color), below)), light(below)];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) low.push(`${ratio.toFixed(2)} ${e.outerHTML.slice(0, 120)}`);
}
return [num, low];
"""
MakeServer = Callable[..., LiveServer]
OpenPage = Callable[..., Browser]


@pytest.fixture
def full_page(make_server: MakeServer, browser_of: OpenPage) -> Browser:
    """A page with everything on it: a whole answer, its reasoning, a failed one, a toast."""
    server = make_server(Settings(reasoning=Reasoning.VISIBLE))
    browser = browser_of(server)
    browser.click("#include-reasoning")
    server.say(ANSWER, THINKING)
    browser.ask("How many?")
    browser.script("for (const each of document.querySelectorAll('details')) each.open = true")
    failed = Script(server.encode("no"), error=EngineError("The engine failed."))
    server.say_by(lambda _: failed)
    browser.send("How many?")
    browser.wait_for_state("failed")
    return browser


def test_everything_has_a_name_and_its_place(full_page: Browser) -> None:
    assert full_page.script(CHECKS) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(scheme: str, full_page: Browser) -> None:
    full_page.emulate(prefers_color_scheme=scheme)
    num_texts, low = full_page.script(CONTRAST)
    assert num_texts > 40
    assert low == []


def test_the_colours_follow_the_system_until_others_are_chosen(browser: Browser) -> None:
    def is_dark() -> bool:
        colour = browser.script("return getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in colour[4:-1].split(",")) < 300

    browser.emulate(prefers_color_scheme="dark")
    assert is_dark()
    browser.emulate(prefers_color_scheme="light")
    assert not is_dark()
    browser.click("#theme")
    assert is_dark()
    browser.open()
    assert is_dark()
    assert browser.find("#theme").get_attribute("aria-label") == "Use light colours"
    browser.click("#theme")
    assert not is_dark()


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_nothing_is_wider_than_the_window(width: int, full_page: Browser) -> None:
    full_page.resize(width, 700)
    full_page.wait(lambda: full_page.script("return innerWidth") == width)
    outside = full_page.script(
        "return [...document.querySelectorAll('body *')].filter((e) => e.checkVisibility()"
        " && !e.closest('.offscreen, .skip, pre, .table, .wide, #hint, h1, symbol')"
        " && (e.getBoundingClientRect().right > innerWidth + 1 || e.getBoundingClientRect().left < -1))"
        ".map((e) => e.outerHTML.slice(0, 100))"
    )
    assert outside == []
    assert full_page.script("return document.documentElement.scrollWidth") == width


def test_the_settings_lie_over_a_narrow_page_and_close_again(browser: Browser) -> None:
    browser.resize(360, 700)
    browser.wait(lambda: not browser.is_shown("#panel"))
    browser.click("#open-panel")
    assert browser.is_shown("#panel")
    assert browser.focused() == "system"
    browser.press(Press.ESCAPE)
    assert not browser.is_shown("#panel")
    assert browser.focused() == "open-panel"
    assert browser.find("#open-panel").get_attribute("aria-expanded") == "false"


def test_a_whole_conversation_needs_no_mouse(browser: Browser, server: LiveServer) -> None:
    assert browser.focused() == "question"
    server.say("word " * 200, delay_s=0.01)
    browser.press("How many?", Press.ENTER)
    browser.wait_for_text(".markdown", "word")
    assert browser.focused() == "question"
    browser.press(Press.ESCAPE)
    browser.wait_for_state("stopped")
    server.say("7 apples")
    browser.script("document.activeElement.blur()")
    browser.press("/")
    assert browser.focused() == "question"
    browser.press("a/b", Press.ENTER)
    browser.wait_for_state("done")
    assert browser.all(".question .words")[-1].text == "a/b"
    stops = []
    for _ in range(40):
        browser.press(Press.SHIFT + Press.TAB)
        stops.append(browser.script("return document.activeElement.outerHTML.slice(0, 200)"))
        outline = browser.script("return getComputedStyle(document.activeElement).outlineStyle")
        # The message box shows its focus by the border around it; the body is the turn of the round.
        assert outline != "none" or 'id="question"' in stops[-1] or stops[-1].startswith("<body")
    reached = " ".join(stops)
    for part in ('data-action="retry"', 'data-action="copy"', 'data-action="edit"', "new-chat"):
        assert part in reached
    for part in ('id="theme"', 'id="open-key"', 'id="open-panel"', 'id="model"', 'id="effort"'):
        assert part in reached


def test_the_key_s_dialog_holds_the_focus_and_gives_it_back(browser: Browser) -> None:
    browser.click("#open-key")
    assert browser.focused() == "key"
    for _ in range(6):
        browser.press(Press.TAB)
        assert browser.script(
            "return document.activeElement === document.body"
            " || document.querySelector('dialog').contains(document.activeElement)"
        )
    browser.find("#key").send_keys(Press.ESCAPE)
    browser.wait(lambda: not browser.is_shown("#key-dialog"))
    assert browser.focused() == "open-key"


def test_who_wants_less_motion_gets_none(browser: Browser, server: LiveServer) -> None:
    browser.emulate(prefers_reduced_motion="reduce")
    server.say("7 apples", "Hm. " * 100, delay_s=0.01)
    browser.send("How many?")
    browser.wait_for_state("thinking")
    assert browser.script("return document.getAnimations().length") == 0
    browser.emulate(prefers_reduced_motion="no-preference")
    assert browser.script("return document.getAnimations().length") == 1
    browser.press(Press.ESCAPE)
    browser.wait_for_state("stopped")


def test_the_newest_text_stays_in_sight_unless_one_scrolls_away(
    browser: Browser, server: LiveServer
) -> None:
    left = (
        "const e = document.getElementById('transcript');"
        "return e.scrollHeight - e.scrollTop - e.clientHeight"
    )
    server.say("word\n\n" * 60)
    browser.ask("How many?")
    assert browser.script(left) < 2
    server.say("word\n\n" * 100, delay_s=0.005)
    browser.send("How many?")
    browser.wait_for_state("answering")
    browser.script("document.getElementById('transcript').scrollTop = 0")
    browser.wait(lambda: browser.is_shown("#to-end"))
    browser.wait_for_state("done")
    assert browser.script("return document.getElementById('transcript').scrollTop") == 0
    browser.click("#to-end")
    browser.wait(lambda: browser.script(left) < 2)
    assert not browser.is_shown("#to-end")
