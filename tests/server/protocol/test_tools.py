"""Tools, choices among them and the turns of past calls are read as OpenAI's clients send them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from server.errors import RequestError
from server.protocol.chat import ChatCompletionRequest
from server.protocol.errors import request_error

HELLO = {"role": "user", "content": "hello"}
SECRET = "planted value"


def tool(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name} | fields}


def named(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


def allowed(mode: str, *names: str) -> dict[str, Any]:
    tools = [named(name) for name in names]
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}


def calling(*ids: str, **fields: Any) -> dict[str, Any]:
    function = {"name": "now", "arguments": "{}"}
    calls = [{"id": id, "type": "function", "function": function} for id in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls} | fields


def result(id: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id, "content": "7"}


def read(*messages: Any, **fields: Any) -> ChatCompletionRequest:
    body = {"model": "tiny", "messages": messages or [HELLO]} | fields
    return ChatCompletionRequest.model_validate_json(json.dumps(body))


def refusal(*messages: Any, **fields: Any) -> RequestError:
    with pytest.raises(ValidationError) as caught:
        read(*messages, **fields)
    error = request_error(caught.value)
    assert SECRET not in error.message
    return error


BOTH = [tool("now"), tool("then", description="x", parameters={"type": "object"}, strict=True)]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, None),
        ({"tools": []}, None),
        ({"tools": [], "tool_choice": "auto", "parallel_tool_calls": True}, None),
        ({"tools": BOTH, "tool_choice": "none"}, None),
        ({"tools": BOTH}, (["now", "then"], False, True)),
        ({"tools": BOTH, "tool_choice": "auto"}, (["now", "then"], False, True)),
        ({"tools": BOTH, "parallel_tool_calls": False}, (["now", "then"], False, False)),
        ({"tools": BOTH, "tool_choice": "required"}, (["now", "then"], True, True)),
        ({"tools": BOTH, "tool_choice": named("then")}, (["then"], True, False)),
        ({"tools": BOTH, "tool_choice": allowed("auto", "then")}, (["then"], False, True)),
        ({"tools": BOTH, "tool_choice": allowed("required", "now")}, (["now"], True, True)),
    ],
)
def test_the_choice_says_what_may_be_called(
    fields: dict[str, Any], expected: tuple[list[str], bool, bool] | None
) -> None:
    use = read(**fields).tool_use
    found = use and ([f.name for f in use.functions], use.is_required, use.is_parallel)
    assert found == expected


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [tool("a b")]}, "tools[0].function.name"),
        ({"tools": [tool("x" * 65)]}, "tools[0].function.name"),
        ({"tools": [tool("now"), tool("now")]}, "tools[1].function.name"),
        ({"tools": [tool(f"t{n}") for n in range(129)]}, "tools"),
        ({"tools": [{"type": "custom", "custom": {"name": SECRET}}]}, "tools[0].type"),
        ({"tools": [tool("now", parameters={"type": "string"})]}, "tools[0].function.parameters"),
        ({"tools": [tool("now", parameters=SECRET)]}, "tools[0].function.parameters"),
        ({"tools": [tool("now", strict=SECRET)]}, "tools[0].function.strict"),
        ({"tools": [tool("now", x=SECRET)]}, "tools[0].function.x"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": named(SECRET.replace(" ", "_"))}, "tool_choice"),
        ({"tools": BOTH, "tool_choice": SECRET}, "tool_choice"),
        ({"tools": BOTH, "tool_choice": 7}, "tool_choice"),
        ({"tools": BOTH, "tool_choice": named("other")}, "tool_choice.function.name"),
        ({"tools": BOTH, "tool_choice": {"type": "function"}}, "tool_choice.function"),
        (
            {"tools": BOTH, "tool_choice": allowed("auto", "now", "other")},
            "tool_choice.allowed_tools.tools[1].function.name",
        ),
        ({"tools": BOTH, "tool_choice": allowed("auto")}, "tool_choice.allowed_tools.tools"),
        ({"tools": BOTH, "parallel_tool_calls": 1}, "parallel_tool_calls"),
    ],
)
def test_a_mistake_is_named_by_its_path(fields: dict[str, Any], param: str) -> None:
    assert refusal(**fields).param == param


def test_calls_and_their_results_are_read_back() -> None:
    request = read(
        HELLO, calling("a", "b"), result("b"), result("a"), calling("a", content="So:"), result("a")
    )
    assert [message.text for message in request.messages] == ["hello", "", "7", "7", "So:", "7"]


def test_no_calls_are_none() -> None:
    request = read(HELLO, {"role": "assistant", "content": "7", "tool_calls": []}, HELLO)
    assert request.messages[1].text == "7"


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([HELLO, result("a")], "messages[1].tool_call_id"),
        ([HELLO, calling("a"), result("b")], "messages[2].tool_call_id"),
        ([HELLO, calling("a"), result("a"), result("a")], "messages[3].tool_call_id"),
        ([HELLO, calling("a"), HELLO, result("a")], "messages[1].tool_calls"),
        ([HELLO, calling("a", "b"), result("a"), HELLO], "messages[1].tool_calls"),
        ([HELLO, calling("a", "b"), result("a")], "messages[1].tool_calls"),
        ([HELLO, calling("a", "a"), result("a")], "messages[1].tool_calls"),
        ([HELLO, calling("a"), calling("b"), result("b")], "messages[1].tool_calls"),
        ([HELLO, calling(), HELLO], "messages[1].content"),
        ([HELLO | {"tool_calls": [1]}], "messages[0].tool_calls"),
        ([HELLO, calling("a", tool_calls=[{"id": "a"}])], "messages[1].tool_calls[0].type"),
    ],
)
def test_a_turn_without_its_counterpart_is_named(messages: list[Any], param: str) -> None:
    assert refusal(*messages).param == param
