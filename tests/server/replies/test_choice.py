"""Only the answer leaves a choice, however its tokens are cut."""

from __future__ import annotations

from typing import Any

import pytest

from decoding.budget import Budget
from server.engines.engine import EngineDelta, Sampling
from server.errors import EngineError
from server.model import ServedModel
from server.plan import Plan
from server.replies.choice import AnswerDelta, Choice, ChoiceEnd, Event, ReasoningDelta

REPLY = (
    "<thinking>\nFirst.\n<reflection>\nWait <out>.\n</reflection>\nSecond.\n</thinking>\n"
    "<output>\nThe <b>answer</b> is 7.\nYes.\n</output>"
)
ANSWER = "The <b>answer</b> is 7.\nYes."


def ids(model: ServedModel, text: str) -> list[int]:
    return [*model.prompter.encode(text), model.bundle.stop_token_ids[0]]


def choice(model: ServedModel, *stops: str, **fields: Any) -> Choice:
    budget = Budget(**{"max_tokens": 400, "max_thinking_tokens": 300} | fields)
    return Choice(model, Plan((1,), budget, (Sampling(400, 1.0),), stops, False), 0)


def read(it: Choice, pieces: list[list[int]], reason: Any = "stop") -> list[Event]:
    events: list[Event] = []
    for number, piece in enumerate(pieces):
        is_last = number == len(pieces) - 1
        events += it.feed(EngineDelta(0, tuple(piece), reason if is_last else None))
        if it.finish_reason:
            break
    return events


def answer(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, AnswerDelta))


def test_the_answer_is_the_same_at_every_cut(model: ServedModel) -> None:
    tokens = ids(model, REPLY)
    for at in range(len(tokens)):
        it = choice(model)
        events = read(it, [tokens[:at], tokens[at:]])
        assert answer(events) == ANSWER
        assert events[-1] == ChoiceEnd(0, "stop")
        assert not any(isinstance(event, ReasoningDelta) for event in events)
        assert it.num_tokens == len(tokens)


def test_reasoning_tokens_are_those_up_to_the_open_output(model: ServedModel) -> None:
    it = choice(model)
    tokens = ids(model, REPLY)
    read(it, [[token] for token in tokens])
    head = REPLY.partition("<output>")[0] + "<output>"
    assert it.num_reasoning_tokens == len(ids(model, head)) - 1
    assert it.num_stray_tokens == 0


def test_a_stop_string_cuts_the_answer_and_not_the_thinking(model: ServedModel) -> None:
    tokens = ids(model, REPLY)
    whole = choice(model, "answer</b>")
    assert answer(read(whole, [tokens])) == "The <b>"
    single = choice(model, "answer</b>")
    assert answer(read(single, [[token] for token in tokens])) == "The <b>"
    assert whole.finish_reason == single.finish_reason == "stop"
    assert whole.num_tokens == single.num_tokens < len(tokens)
    hidden = choice(model, "First", "Wait", "Second", "<thinking>", "<output>", "</output>")
    assert answer(read(hidden, [tokens])) == ANSWER
    assert hidden.num_tokens == len(tokens)


def test_text_held_back_for_a_stop_string_is_released_at_the_end(model: ServedModel) -> None:
    assert answer(read(choice(model, "Yes. No."), [ids(model, REPLY)])) == ANSWER


def test_an_answer_that_the_budget_ended_has_reason_length(model: ServedModel) -> None:
    tokens = ids(model, "<thinking>a</thinking><output>77</output>")
    assert read(choice(model), [tokens])[-1] == ChoiceEnd(0, "stop")
    tight = choice(model, max_tokens=len(tokens))
    events = read(tight, [tokens])
    assert events[-1] == ChoiceEnd(0, "length", frozenset({"answer"}))
    assert answer(events) == "77"
    assert "answer" in tight.budget_hits


def test_thinking_that_the_budget_ended_does_not_cut_the_answer(model: ServedModel) -> None:
    text = "<thinking>abc</thinking><output>77</output>"
    least = len(model.prompter.encode("abc</thinking>"))
    it = choice(model, max_thinking_tokens=least)
    assert read(it, [ids(model, text)])[-1] == ChoiceEnd(0, "stop", frozenset({"thinking"}))
    assert it.budget_hits == {"thinking"}


@pytest.mark.parametrize("reason", ["stop", "length"])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "<thinking>secret",
        "secret",
        "secret</output>",
        "<thinking>secret</thinking>\n<output>\n",
        "<thinking>secret</thinking>\n<output>\nhalf an ans",
        "<thinking>secret</thinking>\n<output></output>",
        "<thinking>secret</thinking>\n<output>\n \t\n</output>",
        "<thinking>secret</thinking>\n<output>\u00a0\u2003\u200b\x07</output>",
    ],
)
def test_a_reply_that_is_not_whole_or_blank_is_an_error(
    text: str, reason: str, model: ServedModel
) -> None:
    for stops in ((), ("never",)):
        it = choice(model, *stops)
        with pytest.raises(EngineError, match="not complete") as caught:
            read(it, [ids(model, text)], reason)
        assert caught.value.code == "incomplete"
        assert "secret" not in caught.value.message
        assert it.finish_reason is None


def test_text_outside_the_format_is_counted(model: ServedModel) -> None:
    it = choice(model)
    with pytest.raises(EngineError):
        read(it, [ids(model, "secret</output>")])
    assert it.num_stray_tokens > 0


def test_a_stop_string_may_leave_a_blank_answer(model: ServedModel) -> None:
    tokens = ids(model, "<thinking>a</thinking><output>77")
    assert read(choice(model, "77"), [tokens]) == [ChoiceEnd(0, "stop", stop="77")]


def test_an_aborted_reply_is_an_error(model: ServedModel) -> None:
    with pytest.raises(EngineError, match="aborted"):
        read(choice(model), [ids(model, "<thinking>secret")], "abort")


def test_shown_reasoning_keeps_the_tags_of_reflections(model: ServedModel) -> None:
    budget = Budget(max_tokens=400, max_thinking_tokens=300)
    for cut in (1, 7, 1000):
        it = Choice(model, Plan((1,), budget, (Sampling(400, 1.0),), ("First",), True), 0)
        tokens = ids(model, REPLY)
        events = read(it, [tokens[at : at + cut] for at in range(0, len(tokens), cut)])
        reasoning = "".join(e.text for e in events if isinstance(e, ReasoningDelta))
        assert reasoning == ("First.\n<reflection>\nWait <out>.\n</reflection>\nSecond.")
        assert answer(events) == ANSWER


@pytest.mark.parametrize(
    ("thinking", "shown"),
    [
        ("<thinking>a<reflection>b</reflection></thinking>", "a\n<reflection>\nb\n</reflection>"),
        (
            "<thinking>a<reflection>b</reflection><reflection>c</reflection>d</thinking>",
            "a\n<reflection>\nb\n</reflection>\n<reflection>\nc\n</reflection>\nd",
        ),
        ("<thinking>a</thinking>\n<thinking>b</thinking>", "a\nb"),
    ],
)
def test_shown_reasoning_keeps_its_parts_apart(
    model: ServedModel, thinking: str, shown: str
) -> None:
    budget = Budget(max_tokens=400, max_thinking_tokens=300)
    it = Choice(model, Plan((1,), budget, (Sampling(400, 1.0),), (), True), 0)
    events = read(it, [ids(model, f"{thinking}\n<output>42</output>")])
    assert "".join(e.text for e in events if isinstance(e, ReasoningDelta)) == shown
    assert answer(events) == "42"
