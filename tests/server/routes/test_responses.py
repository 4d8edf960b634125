"""POST /v1/responses: its events, its refusals, and what happens when a client leaves."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from decoding.format import ReplyFormat
from server.errors import EngineError, QueueFull
from server.model import ServedModel
from server.settings import Settings
from tests.fakes import Call, Script
from tests.live import LiveServer
from tests.tokenizer import make_model_folder

NOW = {"type": "function", "name": "now"}
HELLO = {"model": "tiny", "input": "Hello"}


def stream(server: LiveServer, **fields: Any) -> list[dict[str, Any]]:
    """Return the events of a streamed response, each checked against the name it was sent under."""
    with server.client() as client:
        answer = client.post("/v1/responses", json=HELLO | {"stream": True} | fields)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = []
    for block in answer.text.split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith(":")]
        if lines:
            name, data = lines
            events.append(json.loads(data.removeprefix("data: ")))
            assert name == f"event: {events[-1]['type']}"
    return events


def names(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def refusal(server: LiveServer, **fields: Any) -> dict[str, Any]:
    with server.client() as client:
        answer = client.post("/v1/responses", json=HELLO | fields)
    assert answer.status_code == 400
    error: dict[str, Any] = answer.json()["error"]
    return error


def test_the_events_of_a_response_come_in_openai_s_order(server: LiveServer) -> None:
    events = stream(server)
    assert names(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        *["output_text.delta"] * names(events).count("output_text.delta"),
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert "".join(event.get("delta", "") for event in events) == "7 apples"


def test_a_stream_and_a_whole_response_say_the_same(server: LiveServer) -> None:
    last = stream(server)[-1]["response"]
    with server.client() as client:
        whole = client.post("/v1/responses", json=HELLO).json()
    changing = {"id": "", "created_at": 0, "completed_at": 0, "output": []}
    assert last | changing == whole | changing
    texts = [[item.get("content") for item in r["output"]] for r in (last, whole)]
    assert texts[0] == texts[1]


def test_every_event_of_an_item_names_the_item_it_belongs_to(server: LiveServer) -> None:
    events = stream(server)
    ids = {e["output_index"]: e["item"]["id"] for e in events if "item" in e}
    assert len(ids) == 2
    for event in events:
        if "item_id" in event:
            assert event["item_id"] == ids[event["output_index"]]
        if "item" in event:
            assert event["item"]["id"] == ids[event["output_index"]]


def test_the_reasoning_item_has_no_text_in_any_event(server: LiveServer) -> None:
    server.say("7 apples", "planted")
    for event in stream(server):
        item = event.get("item", {})
        if item.get("type") == "reasoning":
            assert set(item) == {"id", "type", "summary"}
            assert item["summary"] == []
        assert "planted" not in json.dumps(event)


def test_a_reply_without_thinking_has_no_reasoning_item(tmp_path: Path) -> None:
    bundle = make_model_folder(tmp_path / "m", format=ReplyFormat(is_thinking_optional=True))
    with LiveServer(ServedModel.load(bundle)) as server:
        server.engine.script = lambda _: Script(server.encode("<output>7 apples</output>"))
        events = stream(server, reasoning={"effort": "none"})
    assert [item["type"] for item in events[-1]["response"]["output"]] == ["message"]


def test_an_answer_that_was_cut_short_is_incomplete(server: LiveServer) -> None:
    server.say("7 apples", finish_reason="length")
    events = stream(server)
    assert names(events)[-1] == "incomplete"
    response = events[-1]["response"]
    assert response["status"] == "incomplete"
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert response["output"][-1]["status"] == "incomplete"
    assert response["completed_at"] is None


def test_a_failure_in_the_middle_ends_a_stream_with_what_there_is(server: LiveServer) -> None:
    whole = server.script("7 apples and more")
    server.engine.script = lambda _: replace(
        whole, error=RuntimeError("planted"), fail_after=len(whole.token_ids) - 10, delay_s=0.001
    )
    events = stream(server)
    last = events[-1]
    assert last["type"] == "response.failed"
    assert last["response"]["status"] == "failed"
    assert last["response"]["error"]["code"] == "server_error"
    assert "planted" not in json.dumps(events)
    assert last["response"]["output"][-1]["status"] == "incomplete"


def test_an_engine_that_refuses_gives_a_status_of_its_own(server: LiveServer) -> None:
    for error, status in ((QueueFull("Full."), 503), (EngineError("No."), 500)):
        server.say("x", error=error)
        with server.client() as client:
            for is_stream in (True, False):
                answer = client.post("/v1/responses", json=HELLO | {"stream": is_stream})
                assert answer.status_code == status


def test_the_response_says_what_was_asked(server: LiveServer) -> None:
    asked: dict[str, Any] = {
        "instructions": "Be brief.",
        "max_output_tokens": 200,
        "temperature": 0.5,
        "top_p": 0.8,
        "metadata": {"k": "v"},
        "user": "u",
        "safety_identifier": "s",
        "prompt_cache_key": "p",
        "parallel_tool_calls": False,
    }
    with server.client() as client:
        answer = client.post("/v1/responses", json=HELLO | asked | {"reasoning": {"effort": "low"}})
    response = answer.json()
    assert {name: response[name] for name in asked} == asked
    assert response["reasoning"] == {"effort": "low", "summary": None}
    call = server.engine.calls[-1]
    assert (call.sampling.temperature, call.sampling.top_p) == (0.5, 0.8)
    assert call.sampling.max_tokens == 200


def test_the_instructions_stand_before_the_input(server: LiveServer) -> None:
    with server.client() as client:
        client.post("/v1/responses", json=HELLO | {"instructions": "Be brief."})
        chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
        client.post("/v1/chat/completions", json={"model": "tiny", "messages": chat})
    ours, theirs = server.engine.calls[-2:]
    assert ours.prompt_token_ids == theirs.prompt_token_ids


def test_a_format_constrains_the_answer(server: LiveServer) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    format = {"type": "json_schema", "name": "count", "schema": schema, "strict": True}
    server.say('{"n": 7}')
    with server.client() as client:
        answer = client.post("/v1/responses", json=HELLO | {"text": {"format": format}})
    assert answer.json()["text"]["format"] == format
    assert server.engine.calls[-1].constraint is not None


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"max_output_tokens": 1}, "max_output_tokens"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
        ({"reasoning": {"summary": "detailed"}}, "reasoning.summary"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"verbosity": "high"}}, "text.verbosity"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tool_choice": {"type": "mcp"}}, "tool_choice"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "name": "now"}}, "tool_choice"),
        ({"tools": [NOW], "tool_choice": {"type": "function", "name": "n"}}, "tool_choice.name"),
        ({"tools": [NOW, NOW]}, "tools[1].name"),
        ({"tools": [NOW | {"parameters": {"type": "array"}}]}, "tools[0].parameters"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "1"}]}, "input"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"truncation": "auto"}, "truncation"),
        ({"service_tier": "flex"}, "service_tier"),
        ({"include": ["file_search_call.results"]}, "include[0]"),
        ({"background": True, "store": False}, "store"),
        ({"previous_response_id": "resp_0"}, "previous_response_id"),
        ({"input": []}, "input"),
        ({"input": 7}, "input"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content"),
        ({"input": [{"role": "assistant", "content": "And"}]}, "input"),
        ({"temperature": 3}, "temperature"),
        ({"include_reasoning": True}, "include_reasoning"),
        ({"messages": []}, "messages"),
        ({"stream_options": {}}, "stream_options"),
    ],
)
def test_what_is_wrong_is_named_as_the_client_wrote_it(
    fields: dict[str, Any], param: str, server: LiveServer
) -> None:
    error = refusal(server, **fields)
    assert error["param"] == param
    assert param in error["message"] or param == "input"
    assert "messages" not in error["message"] or param == "messages"
    assert "completion" not in error["message"]


def test_a_schema_that_cannot_be_kept_is_named(server: LiveServer) -> None:
    format = {"type": "json_schema", "name": "n", "schema": {"type": "nothing"}}
    error = refusal(server, text={"format": format})
    assert error["param"] == "text.format"
    assert "response_format" not in error["message"]


def test_a_model_that_is_not_there_is_a_404(server: LiveServer) -> None:
    with server.client() as client:
        answer = client.post("/v1/responses", json=HELLO | {"model": "gpt"})
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "model_not_found"


@pytest.mark.parametrize("is_stream", [True, False])
def test_a_client_that_leaves_ends_its_response(is_stream: bool, server: LiveServer) -> None:
    server.say("7 apples", delay_s=0.2)
    body = HELLO | {"stream": is_stream}
    raw = server.post_raw(body, "/v1/responses")
    raw.close()
    server.wait_until(lambda: len(server.engine.aborted) == 1)


def test_comments_keep_a_stream_alive_while_the_model_thinks(
    make_server: Callable[..., LiveServer],
) -> None:
    server = make_server(Settings(keep_alive_s=0.01, admission_s=0.01))
    server.say("7 apples", first_delay_s=0.3)
    with server.client() as client:
        answer = client.post("/v1/responses", json=HELLO | {"stream": True})
    assert "\n: \n" in answer.text.replace("\r", "")


def test_earlier_reasoning_is_not_shown_to_the_model(server: LiveServer) -> None:
    reasoning = {"type": "reasoning", "summary": [], "content": [{"text": "planted"}]}
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    last = {"role": "user", "content": "c"}
    with server.client() as client:
        client.post("/v1/responses", json=HELLO | {"input": [*turns, last]})
        with_reasoning = [turns[0], reasoning, turns[1], last]
        client.post("/v1/responses", json=HELLO | {"input": with_reasoning})
    plain, other = server.engine.calls[-2:]
    assert plain.prompt_token_ids == other.prompt_token_ids


def test_usage_counts_the_reasoning_tokens(server: LiveServer) -> None:
    def script(call: Call) -> Script:
        return server.script("7 apples", "one two three")

    server.say_by(script)
    with server.client() as client:
        usage = client.post("/v1/responses", json=HELLO).json()["usage"]
        body = {"model": "tiny", "messages": [{"role": "user", "content": "Hello"}]}
        chat = client.post("/v1/chat/completions", json=body).json()["usage"]
    hidden = chat["completion_tokens_details"]["reasoning_tokens"]
    assert usage["output_tokens_details"] == {"reasoning_tokens": hidden}
    assert usage["input_tokens_details"]["cached_tokens"] == 0
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert usage["output_tokens"] == chat["completion_tokens"]


def test_logprobs_are_the_answer_s_alone(server: LiveServer) -> None:
    for most in (0, 2):
        asked = {"include": ["message.output_text.logprobs"], "top_logprobs": most}
        events = stream(server, **asked)
        deltas = [e for e in events if e["type"] == "response.output_text.delta"]
        tokens = [token for event in deltas for token in event["logprobs"]]
        assert "".join(token["token"] for token in tokens).strip() == "7 apples"
        (done,) = [e for e in events if e["type"] == "response.output_text.done"]
        assert done["logprobs"] == tokens
        assert events[-1]["response"]["output"][-1]["content"][0]["logprobs"] == tokens
        assert all(len(t["top_logprobs"]) <= most for t in tokens)
    assert all(e["logprobs"] == [] for e in stream(server) if "logprobs" in e)


def test_tools_are_called(server: LiveServer) -> None:
    server.say('{"name": "now", "parameters": {}}')
    events = stream(server, tools=[NOW], tool_choice="required")
    call = events[-1]["response"]["output"][-1]
    assert (call["type"], call["name"], call["arguments"]) == ("function_call", "now", "{}")
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "noon"}
    server.say("It is noon.")
    turns = [{"role": "user", "content": "When?"}, call, output]
    with server.client() as client:
        answer = client.post("/v1/responses", json=HELLO | {"input": turns, "tools": [NOW]})
    assert answer.json()["output"][-1]["content"][0]["text"] == "It is noon."
