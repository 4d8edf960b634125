"""The events of a response, from the events of a choice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from server.errors import EngineError, QueueFull
from server.protocol.chat import CompletionTokensDetails, Usage
from server.protocol.responses import Response
from server.replies.choice import AnswerDelta, ChoiceEnd, Event, FinishReason, ToolCallDelta
from server.responses.writer import ResponseWriter

USAGE = Usage(
    prompt_tokens=5,
    completion_tokens=9,
    total_tokens=14,
    completion_tokens_details=CompletionTokensDetails(reasoning_tokens=4),
)


def writer(*, has_reasoning: bool = True, is_sealed: bool = False, **fields: Any) -> ResponseWriter:
    response = Response(
        id="resp_1",
        created_at=1,
        status="queued" if fields.get("background") else "in_progress",
        model="tiny",
        output=[],
        parallel_tool_calls=True,
        temperature=1.0,
        text={"format": {"type": "text"}},
        tool_choice="auto",
        tools=[],
        top_logprobs=0,
        top_p=1.0,
        store=True,
        reasoning={"effort": None, "summary": None},
        metadata={},
        **(
            dict.fromkeys(
                (
                    "instructions",
                    "max_output_tokens",
                    "previous_response_id",
                    "prompt_cache_key",
                    "safety_identifier",
                    "user",
                )
            )
            | {"background": False}
            | fields
        ),
    )
    seal = (lambda id: f"sealed {id[:3]}") if is_sealed else None
    return ResponseWriter(response, has_reasoning=has_reasoning, seal=seal)


def write(writer: ResponseWriter, events: Iterable[Event]) -> list[dict[str, Any]]:
    written = [*writer.begin(), *writer.start()]
    for event in events:
        written += writer.write(event)
    return [*written, writer.end(USAGE)]


def names(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def end(reason: FinishReason = "stop") -> ChoiceEnd:
    return ChoiceEnd(0, reason)


CALLS: list[Event] = [
    ToolCallDelta(0, 0, "", id="call_a", name="now"),
    ToolCallDelta(0, 0, '{"zone":'),
    ToolCallDelta(0, 0, ' "utc"}'),
    ToolCallDelta(0, 1, "{}", id="call_b", name="then"),
    end("tool_calls"),
]


def test_calls_are_items_whose_arguments_are_streamed() -> None:
    events = write(writer(), CALLS)
    assert names(events)[2:] == [
        "output_item.added",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    _, first, second = events[-1]["response"]["output"]
    assert (first["call_id"], first["name"]) == ("call_a", "now")
    assert first["arguments"] == '{"zone": "utc"}'
    assert (second["call_id"], second["arguments"]) == ("call_b", "{}")
    assert {item["status"] for item in (first, second)} == {"completed"}
    added = [event["item"] for event in events if event["type"].endswith("item.added")]
    assert [item.get("arguments") for item in added] == [None, "", ""]


def test_text_may_stand_before_a_call() -> None:
    events = write(writer(has_reasoning=False), [AnswerDelta(0, "So: "), *CALLS])
    kinds = [item["type"] for item in events[-1]["response"]["output"]]
    assert kinds == ["message", "function_call", "function_call"]
    assert [e["output_index"] for e in events if e["type"].endswith("item.done")] == [0, 1, 2]


def test_what_an_event_held_does_not_change_later() -> None:
    events = write(writer(), [AnswerDelta(0, "a"), AnswerDelta(0, "b"), end()])
    assert events[0]["response"]["output"] == []
    assert events[0]["response"]["status"] == "in_progress"
    (added,) = [e for e in events if e["type"].endswith("item.added") and e["output_index"] == 1]
    assert (added["item"]["content"], added["item"]["status"]) == ([], "in_progress")
    (part,) = [e for e in events if e["type"].endswith("part.added")]
    assert part["part"]["text"] == ""


def test_the_reasoning_is_sealed_when_it_is_over() -> None:
    events = write(writer(is_sealed=True), [AnswerDelta(0, "a"), end()])
    added, done = (e["item"] for e in events if e.get("item", {}).get("type") == "reasoning")
    assert "encrypted_content" not in added
    assert done["encrypted_content"] == "sealed rs_"
    assert events[-1]["response"]["output"][0] == done


@pytest.mark.parametrize(
    ("reason", "status"),
    [("stop", "completed"), ("tool_calls", "completed"), ("length", "incomplete")],
)
def test_the_status_says_how_the_answer_ended(reason: FinishReason, status: str) -> None:
    events = write(writer(), [AnswerDelta(0, "a"), end(reason)])
    assert names(events)[-1] == status
    assert events[-1]["response"]["status"] == status
    assert events[-1]["response"]["usage"]["output_tokens_details"] == {"reasoning_tokens": 4}


@pytest.mark.parametrize(
    ("error", "code"),
    [(EngineError("No."), "server_error"), (QueueFull("Full."), "rate_limit_exceeded")],
)
def test_a_failure_keeps_what_was_written(error: EngineError, code: str) -> None:
    it = writer()
    written = [*it.begin(), *it.start(), *it.write(AnswerDelta(0, "half an"))]
    last = it.fail(error)
    assert last["sequence_number"] == len(written)
    assert last["type"] == "response.failed"
    assert last["response"]["error"] == {"code": code, "message": error.message}
    message = last["response"]["output"][-1]
    assert (message["status"], message["content"][0]["text"]) == ("incomplete", "half an")


def test_a_response_in_the_background_begins_in_the_queue() -> None:
    it = writer(background=True)
    assert names(list(it.begin())) == ["created", "queued"]
    assert names(list(it.start()))[0] == "in_progress"
    assert it.response["status"] == "in_progress"
