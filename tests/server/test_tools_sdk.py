"""Tools of the real server on the demo model, which never saw one, through the `openai` SDK."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import openai
import pydantic
import pytest
from openai import OpenAI
from openai.lib.streaming.chat import ChatCompletionStreamState

from tests.conftest import RealServer

pytestmark = pytest.mark.engine

QUESTION: Any = [{"role": "user", "content": "Tom has 3 apples and buys 4 more. How many?"}]
SCHEMAS: dict[str, Any] = {
    "add": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
        "additionalProperties": False,
    },
    "keep": {
        "type": "object",
        "properties": {"fruit": {"enum": ["apples", "pears"]}, "note": {"type": "string"}},
        "required": ["fruit"],
        "additionalProperties": False,
    },
}
TOOLS: Any = [
    {"type": "function", "function": {"name": name, "strict": True, "parameters": schema}}
    for name, schema in SCHEMAS.items()
]
NAMED = {"type": "function", "function": {"name": "keep"}}


class Add(pydantic.BaseModel):
    """Add two numbers."""

    a: int
    b: int


@pytest.fixture(scope="module")
def client(real_server: RealServer) -> Iterator[OpenAI]:
    with OpenAI(
        base_url=real_server.base_url,
        api_key="none",
        max_retries=0,
        timeout=120,
        _strict_response_validation=True,
    ) as client:
        yield client


def ask(client: OpenAI, *, stream: bool = False, **fields: Any) -> list[Any]:
    """Return the choices, put together by the SDK's own accumulator where they are streamed."""
    body = {"model": "demo", "messages": QUESTION, "tools": TOOLS, "seed": 3} | fields
    answered: Any = client.chat.completions.create(stream=stream, **body)
    if not stream:
        return list(answered.choices)
    state = ChatCompletionStreamState()
    for chunk in answered:
        state.handle_chunk(chunk)
    return list(state.current_completion_snapshot.choices)


def least_tokens(client: OpenAI, **fields: Any) -> int:
    """Return the least max_tokens: the server names that of any answer, then this."""
    least = 1
    for _ in range(2):
        with pytest.raises(openai.BadRequestError) as caught:
            ask(client, max_tokens=least, **fields)
        assert caught.value.param == "max_tokens"
        found = re.search(r"at least (\d+)", caught.value.message)
        assert found
        least = int(found[1])
    return least


def names_called(choice: Any) -> list[str]:
    """Judge the calls of a choice by the schemas, and return their names."""
    for call in choice.message.tool_calls:
        jsonschema.validate(json.loads(call.function.arguments), SCHEMAS[call.function.name])
    assert choice.message.content is None
    return [call.function.name for call in choice.message.tool_calls]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("temperature", [0, 1, 2])
@pytest.mark.parametrize("room", [0, 1, 9, 200])
def test_required_calls_follow_their_schemas_whatever_the_budget(
    client: OpenAI, stream: bool, temperature: float, room: int
) -> None:
    fields = {"tool_choice": "required", "n": 2, "temperature": temperature}
    most = least_tokens(client, tool_choice="required") + room
    for choice in ask(client, stream=stream, max_tokens=most, **fields):
        assert names_called(choice)
        assert choice.finish_reason in ({"length", "tool_calls"} if room else {"length"})


@pytest.mark.parametrize("stream", [False, True])
def test_a_named_tool_is_called_once(client: OpenAI, stream: bool) -> None:
    for choice in ask(client, stream=stream, tool_choice=NAMED, n=2, temperature=1):
        assert names_called(choice) == ["keep"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("temperature", [0, 1, 2])
@pytest.mark.parametrize("most", [None, 40])
def test_an_answer_with_tools_at_hand_is_text_or_calls(
    client: OpenAI, stream: bool, temperature: float, most: int | None
) -> None:
    for choice in ask(client, stream=stream, n=2, temperature=temperature, max_tokens=most):
        if choice.message.tool_calls:
            names_called(choice)
        else:
            assert choice.message.content.strip()
            assert not re.match(r'\s*\{\s*"name"\s*:\s*"(add|keep)"', choice.message.content)


def test_the_answer_streams_the_same_calls_that_come_at_once(client: OpenAI) -> None:
    def found(choices: list[Any]) -> list[list[tuple[str, str]]]:
        return [
            [(call.function.name, call.function.arguments) for call in choice.message.tool_calls]
            for choice in choices
        ]

    fields: dict[str, Any] = {"tool_choice": "required", "temperature": 1, "n": 2}
    assert found(ask(client, **fields)) == found(ask(client, stream=True, **fields))


def test_the_sdk_parses_the_arguments_and_results_go_back(client: OpenAI) -> None:
    tools: Any = [openai.pydantic_function_tool(Add)]
    completion: Any = client.chat.completions.parse(
        model="demo", messages=QUESTION, tools=tools, tool_choice="required", seed=1,
        parallel_tool_calls=False,
    )  # fmt: skip
    message = completion.choices[0].message
    (call,) = message.tool_calls
    assert isinstance(call.function.parsed_arguments, Add)
    asked: Any = [*QUESTION, message, {"role": "tool", "tool_call_id": call.id, "content": "7"}]
    (choice,) = ask(client, messages=asked, tools=tools, tool_choice="none")
    assert choice.message.content
