"""Constraints are settled off the event loop, few at once, and refused by name."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from decoding.answer import AnswerConstraint
from decoding.automata import Automata
from decoding.grammars.grammar import GrammarError
from decoding.masks import Masks
from server.answers import Answers
from server.errors import QueueFull, RequestError, TooManyRequests
from server.model import ServedModel
from server.protocol.chat import ChatCompletionRequest

HELLO = {"role": "user", "content": "hello"}
WAIT_S = 30.0


def request(**fields: Any) -> ChatCompletionRequest:
    body = {"model": "tiny", "messages": [HELLO]} | fields
    return ChatCompletionRequest.model_validate(body)


def words(*choice: str) -> ChatCompletionRequest:
    return request(structured_outputs={"choice": [*choice]})


@dataclass
class SlowAutomata:
    """Automata that are made once they are let to."""

    automata: Automata
    is_open: threading.Event = field(default_factory=threading.Event)

    def known_masks(self, constraint: AnswerConstraint) -> Masks | None:
        return self.automata.known_masks(constraint)

    def find_masks(self, constraint: AnswerConstraint) -> Masks:
        assert self.is_open.wait(WAIT_S)
        return self.automata.find_masks(constraint)


@pytest.fixture
def slow(model: ServedModel) -> Iterator[SlowAutomata]:
    slow = SlowAutomata(model.automata)
    yield slow
    slow.is_open.set()


def answers(
    automata: Any, timeout_s: float = WAIT_S, max_waiting: int = 2, max_per_key: int = 1
) -> Answers:
    return Answers(
        cast("Automata", automata),
        timeout_s=timeout_s,
        max_waiting=max_waiting,
        max_per_key=max_per_key,
    )


@pytest.mark.parametrize("fields", [{}, {"response_format": {"type": "text"}}])
async def test_no_demand_needs_no_automaton(fields: dict[str, Any], model: ServedModel) -> None:
    assert await answers(model.automata).settle(request(**fields)) is None


async def test_a_demand_comes_with_its_automaton_and_the_field_s_name(model: ServedModel) -> None:
    answer = await answers(model.automata).settle(words("yes", "no"))
    assert answer is not None
    assert answer.constraint == AnswerConstraint.choice(["yes", "no"])
    assert answer.masks is model.automata.find_masks(answer.constraint)
    assert answer.param == "structured_outputs"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"structured_outputs": {"regex": "(a"}}, "structured_outputs"),
        ({"structured_outputs": {"regex": "(?=a)b"}}, "structured_outputs"),
        ({"structured_outputs": {"regex": " *"}}, "structured_outputs"),
        ({"structured_outputs": {"choice": []}}, "structured_outputs"),
        ({"structured_outputs": {"choice": ["</output>"]}}, "structured_outputs"),
        ({"structured_outputs": {"json": "{"}}, "structured_outputs"),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "schema": {"const": float("nan")}},
                }
            },
            "response_format",
        ),
    ],
)
async def test_a_constraint_that_cannot_be_is_refused_by_its_field(
    fields: dict[str, Any], param: str, model: ServedModel
) -> None:
    with pytest.raises(RequestError) as caught:
        await answers(model.automata).settle(request(**fields))
    assert (caught.value.param, caught.value.code) == (param, "invalid_value")
    assert caught.value.message.startswith(f"Invalid '{param}': ")


async def test_too_many_new_constraints_at_once_are_turned_away(slow: SlowAutomata) -> None:
    known, it = words("known"), answers(slow)
    slow.automata.find(AnswerConstraint.choice(["known"]))
    waiting = [asyncio.create_task(it.settle(words(word))) for word in ("first", "second")]
    await asyncio.sleep(0.1)
    with pytest.raises(QueueFull):
        await it.settle(words("third"))
    assert await it.settle(known) is not None
    slow.is_open.set()
    assert all(await asyncio.gather(*waiting))
    assert await it.settle(words("third")) is not None


async def test_one_that_takes_too_long_is_there_at_the_next_attempt(slow: SlowAutomata) -> None:
    asked, it = words("patience"), answers(slow, timeout_s=0.05)
    with pytest.raises(QueueFull):
        await it.settle(asked)
    slow.is_open.set()
    async with asyncio.timeout(WAIT_S):
        while slow.known_masks(AnswerConstraint.choice(["patience"])) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert await it.settle(asked) is not None


async def test_one_constraint_counts_once_however_many_ask_for_it(slow: SlowAutomata) -> None:
    it = answers(slow, max_waiting=1)
    waiting = [asyncio.create_task(it.settle(words("shared"))) for _ in range(20)]
    await asyncio.sleep(0.1)
    slow.is_open.set()
    found = await asyncio.gather(*waiting)
    assert len({id(answer.masks) for answer in found if answer is not None}) == 1


async def test_one_key_does_not_fill_the_places_of_others(slow: SlowAutomata) -> None:
    it = answers(slow, max_waiting=8, max_per_key=2)
    waiting = [asyncio.create_task(it.settle(words(word), "ann")) for word in ("p", "q")]
    await asyncio.sleep(0.1)
    with pytest.raises(TooManyRequests, match="At most 2"):
        await it.settle(words("r"), "ann")
    waiting.append(asyncio.create_task(it.settle(words("r"), "bob")))
    waiting.append(asyncio.create_task(it.settle(words("p"), "ann")))  # waits for what there is
    waiting += [asyncio.create_task(it.settle(words(word))) for word in ("s", "t", "u")]
    await asyncio.sleep(0.1)
    slow.is_open.set()
    assert all(await asyncio.gather(*waiting))
    assert await it.settle(words("v"), "ann") is not None


async def test_those_that_left_leave_room_for_others(slow: SlowAutomata) -> None:
    it = answers(slow)
    waiting = [asyncio.create_task(it.settle(words(word))) for word in ("begun", "left")]
    await asyncio.sleep(0.1)
    waiting[1].cancel()
    await asyncio.wait({waiting[1]})
    later = asyncio.create_task(it.settle(words("later")))
    await asyncio.sleep(0.1)
    slow.is_open.set()
    assert all(await asyncio.gather(waiting[0], later))
    assert slow.automata.known_masks(AnswerConstraint.choice(["left"])) is None


async def test_who_leaves_takes_it_from_nobody_else(slow: SlowAutomata) -> None:
    it = answers(slow)
    asked = [words("busy"), words("same"), words("same")]
    first, left, stays = (asyncio.create_task(it.settle(each)) for each in asked)
    await asyncio.sleep(0.1)
    left.cancel()
    await asyncio.wait({left})
    slow.is_open.set()
    assert all(await asyncio.gather(first, stays))


async def test_what_is_known_to_be_wrong_waits_for_nobody(slow: SlowAutomata) -> None:
    it = answers(slow, max_waiting=1)
    with pytest.raises(GrammarError):
        slow.automata.find(AnswerConstraint.regex("(known"))
    waiting = asyncio.create_task(it.settle(words("queue")))
    await asyncio.sleep(0.1)
    with pytest.raises(RequestError):
        await it.settle(request(structured_outputs={"regex": "(known"}))
    slow.is_open.set()
    assert await waiting is not None


class BrokenAutomata:
    """Automata that break on every constraint, with its text in the error."""

    def known_masks(self, _: AnswerConstraint) -> Masks | None:
        return None

    def find_masks(self, constraint: AnswerConstraint) -> Masks:
        raise KeyError(constraint.source)


async def test_a_broken_compiler_is_a_refusal_that_logs_no_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(RequestError) as caught:
        await answers(BrokenAutomata()).settle(words("planted"))
    assert (caught.value.param, caught.value.code) == ("structured_outputs", "invalid_value")
    assert "KeyError" in caplog.text
    assert "find_masks" in caplog.text
    assert "planted" not in caplog.text + caught.value.message
