"""Requests to the Responses API as chat completions, and errors back again."""

from __future__ import annotations

from typing import Any

import pytest

from server.errors import RequestError
from server.protocol.responses import ResponsesRequest
from server.responses.plan import NAMES, as_chat

NOW = {"type": "function", "name": "now", "parameters": {"type": "object"}, "strict": True}


def chat(**fields: Any) -> dict[str, Any]:
    """Return the chat completion that a request becomes, without what it leaves open."""
    request = ResponsesRequest.model_validate({"model": "m", "input": "Hello"} | fields)
    context = [item.kept() for item in request.input]
    return as_chat(request, context).model_dump(exclude_none=True, by_alias=True)


def test_a_string_is_what_the_user_says() -> None:
    hello = {"role": "user", "content": [{"type": "text", "text": "Hello"}]}
    assert chat()["messages"] == [hello]


def test_budgets_and_efforts_keep_their_meaning() -> None:
    asked = chat(
        max_output_tokens=9, reasoning={"effort": "low"}, reflection={"max_reflections": 1}, seed=3
    )
    assert asked["max_completion_tokens"] == 9
    assert asked["reasoning_effort"] == "low"
    assert asked["reflection"] == {"max_reflections": 1}
    assert asked["seed"] == 3


def test_a_schema_is_put_where_chat_has_it() -> None:
    format = {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}
    asked = chat(text={"format": format})
    assert asked["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
    }
    for kind in ("text", "json_object"):
        assert chat(text={"format": {"type": kind}})["response_format"] == {"type": kind}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("required", "required"),
        ({"type": "function", "name": "now"}, {"type": "function", "function": {"name": "now"}}),
        (
            {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "now"}],
            },
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "auto",
                    "tools": [{"type": "function", "function": {"name": "now"}}],
                },
            },
        ),
    ],
)
def test_tools_and_the_choice_among_them_are_nested(choice: Any, expected: Any) -> None:
    asked = chat(tools=[NOW], tool_choice=choice)
    function = {name: value for name, value in NOW.items() if name != "type"}
    assert asked["tools"] == [{"type": "function", "function": function}]
    assert asked["tool_choice"] == expected


def test_calls_join_the_answer_before_them_and_their_outputs_follow() -> None:
    call = {"type": "function_call", "call_id": "a", "name": "now", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "a", "output": "noon"}
    items = [
        {"role": "user", "content": "When?"},
        {"type": "reasoning", "summary": []},
        {"role": "assistant", "content": "Let me see."},
        call,
        call | {"call_id": "b"},
        output,
        output | {"call_id": "b", "output": [{"type": "input_text", "text": "one"}]},
        call | {"call_id": "c"},
        output | {"call_id": "c"},
    ]
    messages = chat(input=items, tools=[NOW])["messages"]
    assert [message["role"] for message in messages] == [
        "user", "assistant", "tool", "tool", "assistant", "tool",
    ]  # fmt: skip
    assert [call["id"] for call in messages[1]["tool_calls"]] == ["a", "b"]
    assert messages[3]["tool_call_id"] == "b"
    assert messages[3]["content"][0]["text"] == "one"


@pytest.mark.parametrize(
    ("param", "ours"),
    [
        ("messages", "input"),
        ("messages[3].content", "input"),
        ("messages[1].tool_calls[0].id", "input"),
        ("max_tokens", "max_output_tokens"),
        ("max_completion_tokens", "max_output_tokens"),
        ("response_format", "text.format"),
        ("response_format.json_schema.schema.x", "text.format.schema.x"),
        ("reasoning_effort", "reasoning.effort"),
        ("tools[2].function.name", "tools[2].name"),
        ("tool_choice.function.name", "tool_choice.name"),
        ("tool_choice.allowed_tools.tools[1].function.name", "tool_choice.tools[1].name"),
        ("reflection.max_thinking_tokens", "reflection.max_thinking_tokens"),
        ("temperature", "temperature"),
    ],
)
def test_a_field_at_fault_is_named_as_it_is_called_here(param: str, ours: str) -> None:
    error = NAMES.translate(RequestError(f"Invalid '{param}': too odd.", param=param, code="c"))
    assert (error.param, error.message, error.code) == (ours, f"Invalid '{ours}': too odd.", "c")


def test_an_error_without_a_field_stays_as_it_is() -> None:
    error = NAMES.translate(RequestError("It isn't possible, and that's it."))
    assert (error.param, error.message) == (None, "It isn't possible, and that's it.")
