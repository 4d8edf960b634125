"""A person and the page: questions, answers, thinking, stopping, errors, keys."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys as Press
from tokenizers import Tokenizer

from server.engines.engine import Engine
from server.errors import EngineError, Forbidden, QueueFull, ServerError
from server.keys.policy import Keys, Policy, Reasoning, ReasoningField
from server.keys.store import KeyStore
from server.settings import Settings
from tests.fakes import Call, Script
from tests.live import LiveServer
from tests.server.page.browser import Browser

KEY = "a-key-of-sixteen-or-more"
THINKING = "One apple, two apples.\n<reflection>\nWait, a third <b>one</b>.\n</reflection>\nThree."
MakeServer = Callable[..., LiveServer]
MakeBrowser = Callable[..., Browser]


def prompts(server: LiveServer) -> list[str]:
    """Return what the engine was asked, as text."""
    tokenizer = Tokenizer.from_file(str(server.model.bundle.folder / "tokenizer.json"))
    return [tokenizer.decode(call.prompt_token_ids) for call in server.engine.calls]


def test_an_answer_comes_as_markdown_with_its_usage(browser: Browser, server: LiveServer) -> None:
    server.say("It is **7** `apples`.\n\n- a\n- b", THINKING)
    assert browser.ask("How many?") == "It is 7 apples.\na\nb"
    assert [e.text for e in browser.all(".markdown strong, .markdown code")] == ["7", "apples"]
    assert browser.text(".question .words") == "How many?"
    assert browser.text(".meta").endswith(" · stop")
    assert "thinking +" in browser.text(".meta")
    assert not browser.is_shown("#welcome")
    announced = browser.find("#announcer").get_attribute("textContent")
    assert announced == "The answer is complete"


def test_the_thinking_line_grows_and_vanishes(browser: Browser, server: LiveServer) -> None:
    server.say("7 apples", "Hm. " * 60, delay_s=0.005)
    browser.send("How many?")
    seen: list[str] = []

    def watch() -> bool:
        line = browser.script("return document.querySelector('.thinking .words').textContent")
        seen.append(line)
        return bool(browser.all("[data-state=done]"))

    browser.wait(watch)
    shown = [line for line in seen if line.startswith("Thinking … ") and "token" in line]
    counts = [int(line.rpartition(", ")[2].split()[0]) for line in shown]
    assert len(set(counts)) > 1
    assert counts == sorted(counts)
    assert not browser.is_shown(".thinking")
    assert browser.text(".meta").startswith("thought ")


def test_stop_aborts_in_the_engine_and_keeps_what_was_said(
    browser: Browser, server: LiveServer
) -> None:
    server.say("word " * 300, delay_s=0.01)
    browser.send("How many?")
    browser.wait_for_text(".markdown", "word word")
    browser.click("#stop")
    browser.wait_for_state("stopped")
    server.wait_until(lambda: len(server.engine.aborted) == 1)
    assert browser.text(".notice") == "Stopped."
    assert "word word" in browser.text(".markdown")
    assert browser.is_shown("#send")
    assert not browser.is_shown("#stop")
    server.say("Yes.")
    browser.ask("And?")
    assert "word word" in prompts(server)[-1]


def test_an_answer_that_was_stopped_before_it_began_is_not_sent_again(
    browser: Browser, server: LiveServer
) -> None:
    server.engine.script = lambda _: server.script("no", "Hm. " * 200, delay_s=0.01)
    browser.send("first question")
    browser.wait_for_state("thinking")
    browser.press(Press.ESCAPE)
    browser.wait_for_state("stopped")
    assert browser.text(".notice") == "Stopped before the answer began."
    server.say("Yes.")
    browser.ask("second question")
    assert "first question" not in prompts(server)[-1]


def test_several_turns_send_the_whole_conversation_and_the_settings(
    browser: Browser, server: LiveServer
) -> None:
    browser.set("system", "Be brief.")
    browser.set("max_tokens", "200")
    browser.set("max_thinking_tokens", "50")
    browser.set("max_reflections", "2")
    browser.set("temperature", "0.5")
    browser.set("seed", "3")
    server.say("**7** apples")
    browser.ask("How many apples?")
    server.say("8")
    browser.ask("And pears?")
    last = prompts(server)[-1]
    parts = ["Be brief.", "How many apples?", "**7** apples", "And pears?"]
    places = [last.index(part) for part in parts]
    assert places == sorted(places)
    call = server.engine.calls[-1]
    assert (call.sampling.temperature, call.sampling.seed) == (0.5, 3)
    assert call.budget is not None
    assert (call.budget.max_tokens, call.budget.max_thinking_tokens) == (200, 50)
    assert call.budget.max_reflections == 2


def test_effort_is_asked_for_by_name(browser: Browser, server: LiveServer) -> None:
    names = [option.text for option in browser.all("#effort option")]
    assert names == ["default", "none", "minimal", "low", "medium", "high", "xhigh"]
    browser.set("effort", "low")
    browser.ask("How many?")
    browser.set("effort", "none")
    browser.ask("How many?")
    low, none = (call.budget for call in server.engine.calls)
    assert low is not None
    assert none is not None
    assert low.max_thinking_tokens == 512
    assert none.max_thinking_tokens < 8  # what the tags take


def test_settings_out_of_range_are_shown_and_not_sent(browser: Browser, server: LiveServer) -> None:
    browser.set("temperature", "3")
    browser.send("How many?")
    browser.wait(lambda: browser.focused() == "temperature")
    assert server.engine.calls == []
    assert browser.find("#question").get_attribute("value") == "How many?"


def test_settings_live_as_long_as_the_tab_and_can_be_reset(
    browser: Browser, server: LiveServer
) -> None:
    browser.set("seed", "5")
    browser.set("effort", "high")
    browser.open()
    assert browser.find("#seed").get_attribute("value") == "5"
    assert browser.find("#effort").get_attribute("value") == "high"
    browser.click("#settings [type=reset]")
    browser.wait(lambda: browser.find("#seed").get_attribute("value") == "")
    browser.open()
    assert browser.find("#seed").get_attribute("value") == ""
    assert browser.find("#placeholder, #max-thinking").get_attribute("placeholder") == "2048"


def test_regenerate_edit_and_new_chat(browser: Browser, server: LiveServer) -> None:
    answers = iter(["one", "two", "three", "four"])
    server.say_by(lambda _: server.script(next(answers)))
    assert browser.ask("first") == "one"
    browser.click(".foot [data-action=retry]")
    browser.wait_for_text(".markdown", "two")
    browser.wait_for_state("done")
    assert len(browser.all(".turn")) == 1
    browser.click("[data-action=edit]")
    assert browser.find(".edit textarea").get_attribute("value") == "first"
    browser.press(" changed", Press.ENTER)
    browser.wait_for_text(".markdown", "three")
    browser.wait_for_state("done")
    assert browser.text(".question .words") == "first changed"
    assert len(browser.all(".turn")) == 1
    browser.click("#new-chat")
    assert browser.is_shown("#welcome")
    assert browser.ask("fresh") == "four"
    assert "first" not in prompts(server)[-1]


def test_an_answer_that_its_budget_cut_short_says_so(browser: Browser, server: LiveServer) -> None:
    browser.set("max_tokens", "80")
    server.engine.script = lambda _: server.script("7 apples", finish_reason="length")
    browser.ask("How many?")
    assert "cut short by the budget" in browser.text(".notice")
    assert browser.text(".meta").endswith("length")


def test_reasoning_is_not_offered_where_the_policy_hides_it(
    browser: Browser, server: LiveServer
) -> None:
    server.say("7 apples", THINKING)
    assert not browser.is_shown("#reveal")
    browser.ask("How many?")
    whole = browser.script("return document.documentElement.outerHTML")
    assert "third" not in whole
    assert not browser.is_shown(".reasoning")


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_reasoning_is_revealed_where_the_policy_allows_it(
    field: ReasoningField, make_server: MakeServer, browser_of: MakeBrowser
) -> None:
    server = make_server(Settings(reasoning=Reasoning.VISIBLE, reasoning_field=field))
    browser = browser_of(server)
    server.say("7 apples", THINKING)
    browser.ask("How many?")
    assert not browser.is_shown(".reasoning")
    browser.click("#include-reasoning")
    browser.ask("How many?")
    turn = browser.all(".turn")[-1]
    fold = turn.find_element("css selector", ".reasoning")
    assert "1 reflection" in fold.text
    assert "Three." not in fold.text
    fold.find_element("css selector", "summary").click()
    passages = fold.find_element("css selector", ".passages")
    assert passages.text.split("\n") == [
        "One apple, two apples.",
        "Reflection",
        "Wait, a third <b>one</b>.",
        "Three.",
    ]
    passages.find_element("css selector", ".reflection summary").click()
    browser.wait(lambda: "third" not in passages.text)


def test_reasoning_is_cut_into_passages_as_it_grows(browser: Browser) -> None:
    text = "a\n<reflection>\nb\n</reflection>\nc\n<reflection>\nd"
    program = "return module.passages(...arguments).map((p) => [p.isReflection, p.text])"

    def passages(text: str) -> Any:
        return browser.module("reasoning.js", program, text, "reflection")

    whole = [[False, "a"], [True, "b"], [False, "c"], [True, "d"]]
    assert passages(text) == whole
    assert passages(text[:-2]) == whole[:3]
    assert passages(text[: text.index("b") + 1]) == whole[:2]
    assert passages("") == []


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Forbidden("Not with this key."), "Not with this key."),
        (QueueFull("The queue is full."), "The queue is full."),
        (EngineError("The engine failed."), "The engine failed."),
    ],
)
def test_a_refusal_is_a_toast_and_can_be_tried_again(
    error: ServerError, words: str, browser: Browser, server: LiveServer
) -> None:
    refused = Script(server.encode("no"), error=error)
    server.say_by(lambda _: refused)
    browser.send("How many?")
    browser.wait_for_state("failed")
    assert words in browser.text(".toast")
    assert browser.find(".toast").get_attribute("role") == "alert"
    assert browser.text(".failure .words") == words
    server.say("7 apples")
    browser.wait(lambda: browser.find(".failure button").is_enabled())
    browser.click(".failure button")
    browser.wait_for_state("done")
    assert browser.text(".markdown") == "7 apples"
    assert len(browser.all(".turn")) == 1


def test_a_refusal_that_names_a_time_counts_down_to_it(
    browser: Browser, server: LiveServer
) -> None:
    refused = Script(server.encode("no"), error=QueueFull("The queue is full."))
    server.say_by(lambda _: refused)
    browser.send("How many?")
    browser.wait_for_text(".failure button", "Try again in ")
    assert not browser.find(".failure button").is_enabled()
    assert "asked again in 5 s" in browser.text(".toast")


def test_a_rate_that_is_used_up_says_when_there_is_more(
    make_server: MakeServer, browser_of: MakeBrowser, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'keys.db'}"
    store = KeyStore.open(url)
    _, key = store.add("ann", Policy(requests_per_minute=1, max_effort="low"), 100)
    store.close()
    browser = browser_of(make_server(Settings(keys_url=url)), is_ready=False)
    browser.wait(lambda: browser.is_shown("#key-dialog"))
    browser.find("#key").send_keys(key, Press.ENTER)
    browser.wait(lambda: browser.find("#model").is_enabled())
    assert [option.text for option in browser.all("#effort option")][-1] == "low"
    browser.ask("How many?")
    browser.send("And now?")
    browser.wait_for_state("failed")
    assert "asked again in" in browser.text(".toast")
    assert browser.text(".turn:last-child .failure button").startswith("Try again in ")
    assert not browser.find(".turn:last-child .failure button").is_enabled()


def test_a_stream_that_breaks_keeps_what_came(browser: Browser, server: LiveServer) -> None:
    broken = server.script("word " * 40, error=EngineError("The engine failed."), fail_after=60)
    server.say_by(lambda _: broken)
    browser.send("How many?")
    browser.wait_for_state("failed")
    assert "word word" in browser.text(".markdown")
    assert browser.text(".failure .words") == "The engine failed."


def test_a_lost_connection_is_said(make_server: MakeServer, browser_of: MakeBrowser) -> None:
    server = make_server()
    browser = browser_of(server)
    server.say("word " * 300, delay_s=0.01)
    browser.send("How many?")
    browser.wait_for_text(".markdown", "word word")
    server.server.should_exit = server.server.force_exit = True
    browser.wait_for_state("failed")
    assert "was lost" in browser.text(".toast")
    assert "word word" in browser.text(".markdown")
    server.wait_until(lambda: server.is_stopped)
    browser.click(".failure button")
    browser.wait_for_text(".failure .words", "cannot be reached")


def test_a_stream_without_its_end_is_an_error(browser: Browser) -> None:
    program = """
    const response = new Response(arguments[0]);
    const seen = [];
    try {
      for await (const chunk of module.chunks(response)) seen.push(chunk);
      return [seen, null];
    } catch (error) {
      return [seen, error.message];
    }
    """
    chunk = 'data: {"choices":[]}\n\n'

    def read(text: str) -> Any:
        return browser.module("api.js", program, text)

    assert read(f": \n\n{chunk}: \n\n{chunk}data: [DONE]\n\n") == [[{"choices": []}] * 2, None]
    assert read(chunk) == [
        [{"choices": []}],
        "The server ended the stream before the answer was complete.",
    ]
    assert read('data: {"error":{"message":"no"}}\n\n') == [[], "no"]


def test_a_key_is_asked_for_and_kept_for_the_tab_alone(
    make_server: MakeServer, browser_of: MakeBrowser
) -> None:
    server = make_server(Settings(keys=Keys.load(KEY, None)))
    browser = browser_of(server, is_ready=False)
    browser.wait(lambda: browser.is_shown("#key-dialog"))
    browser.find("#key").send_keys("wrong-key-of-sixteen", Press.ENTER)
    browser.wait_for_text("#key-why", "does not know this key")
    browser.find("#key").send_keys(KEY, Press.ENTER)
    browser.wait(lambda: browser.find("#model").is_enabled())
    assert browser.ask("How many?") == "I do not know."
    kept = browser.script("return [JSON.stringify({...localStorage}), document.cookie]")
    assert KEY not in json.dumps(kept)
    assert KEY not in browser.script("return document.documentElement.outerHTML")
    browser.open()
    browser.script("sessionStorage.setItem('reflect.key', 'revoked-key-of-sixteen')")
    browser.send("How many?")
    browser.wait(lambda: browser.is_shown("#key-dialog"))
    assert "A valid API key is needed" in browser.text(".toast")


def test_while_the_model_loads_the_page_waits(
    make_server: MakeServer, browser_of: MakeBrowser
) -> None:
    is_loaded = threading.Event()
    servers: list[LiveServer] = []

    async def start() -> Engine:
        await asyncio.to_thread(is_loaded.wait)
        return servers[0].engine

    server = make_server(start_engine=start)
    servers.append(server)
    browser = browser_of(server, is_ready=False)
    browser.wait_for_text("#status", "The model is loading")
    assert not browser.find("#model").is_enabled()
    browser.send("How many?")
    browser.wait_for_text(".toast", "no model to ask yet")
    assert browser.find("#question").get_attribute("value") == "How many?"
    is_loaded.set()
    browser.wait(lambda: browser.find("#model").is_enabled())
    assert browser.text("#status") == ""


def test_copy_puts_the_answer_s_source_on_the_clipboard(
    browser: Browser, server: LiveServer
) -> None:
    answer = "It is **7**.\n\n```py\nx = 1\n```"
    server.say(answer)
    browser.driver.execute_cdp_cmd(
        "Browser.grantPermissions",
        {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"], "origin": server.url},
    )
    browser.ask("How many?")
    browser.click(".foot [data-action=copy]")
    browser.wait(lambda: browser.script("return navigator.clipboard.readText()") == answer)
    browser.click("[data-action=copy-code]")
    browser.wait(lambda: browser.script("return navigator.clipboard.readText()") == "x = 1")
    browser.wait_for_text("[data-action=copy-code]", "Copied")


def test_hostile_text_is_shown_as_it_is(make_server: MakeServer, browser_of: MakeBrowser) -> None:
    hostile = (
        "<img src=x onerror=alert(1)>\n\n[a](javascript:alert(1))\n\n<script>alert(1)</script>"
    )
    server = make_server(Settings(reasoning=Reasoning.VISIBLE))
    browser = browser_of(server)
    server.say(hostile, f"{hostile}\n<reflection>\n{hostile}\n</reflection>\nSo.")
    browser.click("#include-reasoning")
    browser.set("system", hostile)
    assert browser.ask(hostile.replace("\n\n", " ")) == hostile.replace("\n\n", "\n")
    browser.script("for (const each of document.querySelectorAll('details')) each.open = true")
    assert browser.text(".passages").count("onerror=alert(1)") == 2
    assert browser.all("#turns img, #turns script, #turns a") == []
    assert len(browser.all("script")) == 1


def test_a_script_of_another_s_would_be_refused(browser: Browser) -> None:
    refused = browser.script(
        "try { document.body.innerHTML = '<b>x</b>'; return null } catch (e) { return e.name }"
    )
    assert refused == "TypeError"
    violations = browser.complaints()
    assert any("TrustedHTML" in violation for violation in violations)


def test_the_question_may_have_several_lines(browser: Browser, server: LiveServer) -> None:
    field = browser.find("#question")
    field.send_keys("one", Press.SHIFT + Press.ENTER + Press.NULL, "two")
    assert server.engine.calls == []
    field.send_keys(Press.ENTER)
    browser.wait_for_state("done")
    assert browser.text(".question .words") == "one\ntwo"


def test_every_call_is_one_request_of_the_engine(browser: Browser, server: LiveServer) -> None:
    calls: list[Call] = []

    def script(call: Call) -> Script:
        calls.append(call)
        return server.script("7", "Hm. " * 40, delay_s=0.01)

    server.say_by(script)
    browser.send("one")
    browser.wait_for_state("thinking")
    browser.find("#question").send_keys("two", Press.ENTER)
    browser.wait_for_state("done")
    assert len(calls) == 1
    assert browser.find("#question").get_attribute("value") == "two"
