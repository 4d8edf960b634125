"""POST /v1/messages, called with Anthropic's own SDK where it is installed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.live import LiveServer

anthropic = pytest.importorskip("anthropic", reason="Anthropic's SDK is not installed")

HELLO: dict[str, Any] = {
    "model": "tiny",
    "max_tokens": 200,
    "messages": [{"role": "user", "content": "Hello"}],
}
NOW = {
    "name": "now",
    "description": "Tells the time.",
    "input_schema": {"type": "object", "properties": {"zone": {"type": "string"}}},
}


@pytest.fixture
def client(server: LiveServer) -> Iterator[Any]:
    with anthropic.Anthropic(
        base_url=server.url, api_key="none", max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


def events(server: LiveServer, **fields: Any) -> list[dict[str, Any]]:
    with server.client() as client:
        answer = client.post("/v1/messages", json=HELLO | {"stream": True} | fields)
    lines = answer.text.splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]


def test_a_message_is_the_answer_alone(client: Any, server: LiveServer) -> None:
    server.say("7 apples", "planted")
    message = client.messages.create(**HELLO, system="Be brief.")
    (block,) = message.content
    assert (block.type, block.text) == ("text", "7 apples")
    assert (message.stop_reason, message.stop_sequence) == ("end_turn", None)
    assert message.usage.output_tokens_details.thinking_tokens > 0
    assert "planted" not in message.model_dump_json()


def test_the_prompt_is_that_of_the_same_chat(client: Any, server: LiveServer) -> None:
    thought = {"type": "thinking", "thinking": "planted", "signature": "s"}
    turns = [
        {"role": "user", "content": [{"type": "text", "text": "a"}]},
        {"role": "assistant", "content": [thought, {"type": "text", "text": "b"}]},
        {"role": "user", "content": "c"},
    ]
    client.messages.create(**HELLO | {"messages": turns}, system="Be brief.")
    chat = [{"role": "system", "content": "Be brief."}]
    for role, text in (("user", "a"), ("assistant", "b"), ("user", "c")):
        chat.append({"role": role, "content": text})
    with server.client() as plain:
        plain.post("/v1/chat/completions", json={"model": "tiny", "messages": chat})
    ours, theirs = server.engine.calls[-2:]
    assert ours.prompt_token_ids == theirs.prompt_token_ids
    counted = client.messages.count_tokens(model="tiny", messages=turns, system="Be brief.")
    assert counted.input_tokens == len(ours.prompt_token_ids)


def test_the_events_come_in_anthropic_s_order(server: LiveServer) -> None:
    names = [event["type"] for event in events(server)]
    num_deltas = names.count("content_block_delta")
    assert names == [
        "message_start",
        "ping",
        "content_block_start",
        *["content_block_delta"] * num_deltas,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert num_deltas > 0


def test_the_sdk_puts_a_stream_together(client: Any, server: LiveServer) -> None:
    whole = client.messages.create(**HELLO)
    with client.messages.stream(**HELLO) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == whole.content[0].text == final.content[0].text
    assert final.stop_reason == whole.stop_reason
    assert final.usage.output_tokens == whole.usage.output_tokens


@pytest.mark.parametrize("is_stream", [True, False])
def test_the_stop_reason_is_the_truth(is_stream: bool, client: Any, server: LiveServer) -> None:
    def ask(**fields: Any) -> Any:
        if not is_stream:
            return client.messages.create(**HELLO, **fields)
        with client.messages.stream(**HELLO, **fields) as stream:
            return stream.get_final_message()

    assert ask().stop_reason == "end_turn"
    stopped = ask(stop_sequences=["zz", "app"])
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "app")
    assert stopped.content[0].text == "7 "
    server.say("7 apples", finish_reason="length")
    assert ask().stop_reason == "max_tokens"
    server.say('{"name": "now", "parameters": {"zone": "utc"}}')
    called = ask(tools=[NOW], tool_choice={"type": "any"})
    assert called.stop_reason == "tool_use"
    (block,) = called.content
    assert (block.type, block.name, block.input) == ("tool_use", "now", {"zone": "utc"})


def test_the_results_of_tools_go_back(client: Any, server: LiveServer) -> None:
    use = {"type": "tool_use", "id": "toolu_1", "name": "now", "input": {"zone": "utc"}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "noon"}
    turns = [
        {"role": "user", "content": "When?"},
        {"role": "assistant", "content": [{"type": "text", "text": "Let me see."}, use]},
        {"role": "user", "content": [result, {"type": "text", "text": "And?"}]},
    ]
    client.messages.create(**HELLO | {"messages": turns}, tools=[NOW])
    function = {"name": "now", "arguments": '{"zone": "utc"}'}
    call = {"id": "toolu_1", "type": "function", "function": function}
    chat = [
        {"role": "user", "content": "When?"},
        {"role": "assistant", "content": "Let me see.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "toolu_1", "content": "noon"},
        {"role": "user", "content": "And?"},
    ]
    tool = {"name": "now", "description": "Tells the time.", "parameters": NOW["input_schema"]}
    tools = [{"type": "function", "function": tool}]
    body = {"model": "tiny", "messages": chat, "tools": tools}
    with server.client() as plain:
        assert plain.post("/v1/chat/completions", json=body).status_code == 200
    ours, theirs = server.engine.calls[-2:]
    assert ours.prompt_token_ids == theirs.prompt_token_ids


def test_thinking_gets_a_budget(client: Any, server: LiveServer) -> None:
    client.messages.create(**HELLO, thinking={"type": "enabled", "budget_tokens": 50})
    budget = server.engine.calls[-1].budget
    assert budget is not None
    assert budget.max_thinking_tokens == 50


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"max_tokens": 1}, "max_tokens"),
        ({"max_tokens": None}, "max_tokens"),
        ({"top_k": 5}, "top_k"),
        ({"stop_sequences": [""]}, "stop_sequences[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "messages[0].content"),
        ({"messages": [{"role": "system", "content": "a"}]}, "messages[0].role"),
        ({"messages": [{"role": "assistant", "content": "a"}]}, "assistant"),
        ({"tools": [{"type": "web_search_20250305", "name": "w"}]}, "tools[0]"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"tools": [NOW], "tool_choice": {"type": "tool", "name": "n"}}, "tool_choice.name"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_what_is_wrong_is_said_as_anthropic_does(
    fields: dict[str, Any], word: str, server: LiveServer
) -> None:
    with server.client() as client:
        answer = client.post("/v1/messages", json=HELLO | fields)
    assert answer.status_code == 400
    body = answer.json()
    assert set(body) == {"type", "error"}
    assert (body["type"], body["error"]["type"]) == ("error", "invalid_request_error")
    assert word in body["error"]["message"]
    assert "completion" not in body["error"]["message"]


def test_errors_are_the_sdk_s_own(client: Any, server: LiveServer) -> None:
    with pytest.raises(anthropic.NotFoundError):
        client.messages.create(**HELLO | {"model": "gpt"})
    with pytest.raises(anthropic.BadRequestError):
        client.messages.create(**HELLO | {"max_tokens": 1})


def test_a_failure_in_the_middle_is_an_error_event(server: LiveServer) -> None:
    whole = server.script("7 apples and more")
    failing = replace(
        whole, error=RuntimeError("planted"), fail_after=len(whole.token_ids) - 10, delay_s=0.001
    )
    server.engine.script = lambda _: failing
    last = events(server)[-1]
    assert (last["type"], last["error"]["type"]) == ("error", "api_error")
    assert "planted" not in json.dumps(last)


def test_a_client_that_leaves_ends_its_message(server: LiveServer) -> None:
    for is_stream in (True, False):
        server.say("7 apples", delay_s=0.2)
        server.engine.aborted.clear()
        server.post_raw(HELLO | {"stream": is_stream}, "/v1/messages").close()
        server.wait_until(lambda: len(server.engine.aborted) == 1)
