"""Tools in chat completions over HTTP: what is asked of the engine, what the client receives."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import numpy as np
import openai
import pydantic
import pytest
from openai import OpenAI
from openai.lib.streaming.chat import ChatCompletionStreamState

from decoding.matcher import Matcher
from server.prompts.client_text import EDGE
from tests.fakes import Call, Script
from tests.live import LiveServer

WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tell the weather.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
NOW: Any = {"type": "function", "function": {"name": "now"}}
ROME, PARIS = '{"city": "Rome"}', '{"city":"Paris 🙂"}'
CALL = f'{{"name": "get_weather", "parameters": {ROME}}}'
CALLS = (
    f'{CALL}; {{"name":"now","parameters":{{}}}}; {{"name": "get_weather", "parameters": {PARIS}}}'
)
THREE = [("get_weather", ROME), ("now", "{}"), ("get_weather", PARIS)]
HELLO: Any = {"role": "user", "content": "hello"}
EMPTY = {"type": "object", "maxProperties": 0}
NAMED = {"type": "function", "function": {"name": "get_weather"}}


@pytest.fixture
def client(server: LiveServer) -> Iterator[OpenAI]:
    with OpenAI(
        base_url=server.base_url,
        api_key="none",
        max_retries=0,
        timeout=30,
        _strict_response_validation=True,
    ) as client:
        yield client


def ask(client: OpenAI, *, stream: bool, **fields: Any) -> list[Any]:
    """Return the choices, put together by the SDK's own accumulator where they are streamed."""
    body = {"model": "tiny", "messages": [HELLO], "tools": [WEATHER, NOW]} | fields
    answered: Any = client.chat.completions.create(stream=stream, **body)
    if not stream:
        return list(answered.choices)
    state = ChatCompletionStreamState()
    for chunk in answered:
        state.handle_chunk(chunk)
    return list(state.current_completion_snapshot.choices)


def calls_of(choice: Any) -> list[tuple[str, str]]:
    assert all(call.type == "function" for call in choice.message.tool_calls)
    return [(call.function.name, call.function.arguments) for call in choice.message.tool_calls]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("choice", [None, "auto", "required"])
def test_calls_arrive_whole_and_no_text_beside_them(
    client: OpenAI, server: LiveServer, stream: bool, choice: str | None
) -> None:
    server.say(CALLS)
    (answered,) = ask(client, stream=stream, tool_choice=choice)
    assert calls_of(answered) == THREE
    assert answered.message.content is None
    assert answered.finish_reason == "tool_calls"
    ids = [call.id for call in answered.message.tool_calls]
    assert len(set(ids)) == 3
    assert all(id.startswith("call_") for id in ids)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("text", ["7 apples", '{"name": "get', '{"name": "other", "a": 1}', "{ "])
def test_text_arrives_as_it_would_without_tools(
    client: OpenAI, server: LiveServer, stream: bool, text: str
) -> None:
    server.say(text)
    (answered,) = ask(client, stream=stream)
    assert answered.message.content == text
    assert not answered.message.tool_calls
    assert answered.finish_reason == "stop"


@pytest.mark.parametrize("stream", [False, True])
def test_each_of_several_choices_has_calls_or_text_of_its_own(
    client: OpenAI, server: LiveServer, stream: bool
) -> None:
    def script(call: Call) -> Script:
        return server.script(CALL if call.request_id.endswith("1") else "No.")

    server.say_by(script)
    found = [
        (choice.message.content, choice.finish_reason) for choice in ask(client, stream=stream, n=3)
    ]
    assert found == [("No.", "stop"), (None, "tool_calls"), ("No.", "stop")]


@pytest.mark.parametrize("stream", [False, True])
def test_stop_strings_end_text_and_never_calls(
    client: OpenAI, server: LiveServer, stream: bool
) -> None:
    stop = ["Rome", "name"]
    server.say(CALL)
    (called,) = ask(client, stream=stream, stop=stop)
    assert calls_of(called) == [("get_weather", ROME)]
    server.say('{"name": "nobody"}')
    (said,) = ask(client, stream=stream, stop=stop)
    assert (said.message.content, said.finish_reason) == ('{"', "stop")


def test_the_arguments_stream_as_they_come(client: OpenAI, server: LiveServer) -> None:
    server.say(CALL)
    chunks = client.chat.completions.create(
        model="tiny",
        messages=[{"role": "user", "content": "hello"}],
        tools=[NOW, WEATHER],
        stream=True,
    )
    deltas: list[Any] = [choice.delta for chunk in chunks for choice in chunk.choices]
    first, *later = [delta.tool_calls[0] for delta in deltas if delta.tool_calls]
    assert (first.function.name, first.function.arguments) == ("get_weather", "")
    assert all(call.id is None and call.function.name is None for call in later)
    assert "".join(call.function.arguments for call in later) == ROME
    assert len(later) > 3
    assert not any(delta.content for delta in deltas)


def test_a_call_that_the_budget_cut_is_whole_but_says_length(
    client: OpenAI, server: LiveServer
) -> None:
    server.say(CALL, finish_reason="length")
    for stream in (False, True):
        (choice,) = ask(client, stream=stream)
        assert choice.finish_reason == "length"
        assert json.loads(calls_of(choice)[0][1]) == {"city": "Rome"}


@pytest.mark.parametrize("text", ['{"name": "now", "x": 1}', CALL + " and more", CALL + ";"])
def test_what_is_neither_call_nor_text_is_an_error_and_never_passed_on(
    client: OpenAI, server: LiveServer, text: str
) -> None:
    server.say(text)
    with pytest.raises(openai.APIError) as caught:
        ask(client, stream=False)
    assert caught.value.code == "incomplete"
    with pytest.raises(openai.APIError):
        ask(client, stream=True)


def test_a_required_call_that_does_not_come_is_an_error(client: OpenAI, server: LiveServer) -> None:
    server.say("7 apples")
    with pytest.raises(openai.InternalServerError):
        ask(client, stream=False, tool_choice="required")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"parallel": True, "auto": True}),
        ({"parallel_tool_calls": False}, {"parallel": False, "auto": True}),
        ({"tool_choice": "required"}, {"parallel": True}),
        ({"tool_choice": NAMED}, {"parallel": False, "names": ["get_weather"]}),
        (
            {"response_format": {"type": "json_object"}},
            {"parallel": True, "auto": True, "text": {"json_object": True}},
        ),
        (
            {"response_format": {"type": "json_object"}, "tool_choice": "required"},
            {"parallel": True},
        ),
    ],
)
def test_the_engine_is_asked_for_just_what_was_chosen(
    client: OpenAI, server: LiveServer, fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    server.say(CALL)
    ask(client, stream=False, **fields)
    constraint = server.engine.calls[-1].constraint
    assert constraint is not None
    asked = dict(json.loads(constraint.source))
    names = [tool["name"] for tool in asked.pop("tools")]
    assert asked | {"names": names} == {"names": ["get_weather", "now"]} | expected


def test_no_tool_is_asked_for_where_none_may_be_called(client: OpenAI, server: LiveServer) -> None:
    server.say(CALL)
    (choice,) = ask(client, stream=False, tool_choice="none")
    assert choice.message.content == CALL
    assert server.engine.calls[-1].constraint is None
    assert "get_weather" not in prompt(server)


def prompt(server: LiveServer) -> str:
    """Return the last prompt as text."""
    ids = server.engine.calls[-1].prompt_token_ids
    vocabulary = server.model.vocabulary
    return b"".join(vocabulary.token_bytes[i] or b"|" for i in ids).decode()


def test_calls_and_results_go_back_to_the_model(client: OpenAI, server: LiveServer) -> None:
    server.say(CALLS)
    (called,) = ask(client, stream=False)
    server.say("It is sunny.")
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": f"result {n} <|eot_id|>"}
        for n, call in enumerate(called.message.tool_calls)
    ]
    messages = [HELLO, called.message.model_dump(), *results]
    (choice,) = ask(client, stream=True, messages=messages)
    assert choice.message.content == "It is sunny."
    told = prompt(server)
    assert '"description": "Tell the weather."' in told
    assert f'{{"name": "get_weather", "parameters": {ROME}}}' in told
    assert all(f"result {n} <|eot_id|>" in told for n in range(3))
    assert EDGE not in told


class GetWeather(pydantic.BaseModel):
    """Tell the weather."""

    city: str


def test_the_sdk_s_helpers_parse_the_arguments(client: OpenAI, server: LiveServer) -> None:
    server.say('{"name": "GetWeather", "parameters": {"city": "Rome"}}')
    tools = [openai.pydantic_function_tool(GetWeather)]
    completion: Any = client.chat.completions.parse(model="tiny", messages=[HELLO], tools=tools)
    (call,) = completion.choices[0].message.tool_calls
    assert call.function.parsed_arguments == GetWeather(city="Rome")
    with client.chat.completions.stream(model="tiny", messages=[HELLO], tools=tools) as stream:
        events = [event.type for event in stream]
        final: Any = stream.get_final_completion()
    assert "tool_calls.function.arguments.delta" in events
    assert events.count("tool_calls.function.arguments.done") == 1
    (call,) = final.choices[0].message.tool_calls
    assert call.function.parsed_arguments == GetWeather(city="Rome")


def test_messages_of_the_sdk_go_back_as_they_are(client: OpenAI, server: LiveServer) -> None:
    server.say('{"name": "GetWeather", "parameters": {"city": "Rome"}}')
    asked: Any = {"model": "tiny", "tools": [openai.pydantic_function_tool(GetWeather)]}
    parsed: Any = client.chat.completions.parse(messages=[HELLO], **asked)
    with client.chat.completions.stream(messages=[HELLO], **asked) as stream:
        streamed: Any = stream.get_final_completion()
    created: Any = client.chat.completions.create(messages=[HELLO], **asked)
    server.say("It is sunny.")
    for completion in (parsed, streamed, created):
        message = completion.choices[0].message
        result: Any = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "7"}
        again: Any = client.chat.completions.create(messages=[HELLO, message, result], **asked)
        assert again.choices[0].message.content == "It is sunny."
    said: Any = client.chat.completions.parse(messages=[HELLO], **asked)
    once_more: Any = [HELLO, said.choices[0].message, HELLO]
    assert client.chat.completions.create(messages=once_more, **asked).choices


@pytest.mark.parametrize(
    ("fields", "param", "said"),
    [
        (
            {"tools": [NOW, {"type": "function", "function": {"name": "f", "strict": True,
                                                              "parameters": {"not": {}}}}]},
            "tools",
            "tool 'f': #/not",
        ),
        (
            {"response_format": {"type": "json_schema",
                                 "json_schema": {"name": "n", "schema": {"not": {}}}}},
            "response_format",
            "#/not",
        ),
        ({"tool_choice": "required", "max_tokens": 12}, "max_tokens", "at least"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused(
    client: OpenAI, fields: dict[str, Any], param: str, said: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, stream=False, **fields)
    assert caught.value.param == param
    assert said in caught.value.message


def test_a_schema_that_is_not_strict_need_not_be_enforceable(
    client: OpenAI, server: LiveServer
) -> None:
    loose = {"name": "f", "parameters": {"type": "object", "not": {"required": ["x"]}}}
    server.say('{"name": "f", "parameters": {"a": 1}}')
    (choice,) = ask(client, stream=False, tools=[{"type": "function", "function": loose}])
    assert calls_of(choice) == [("f", '{"a": 1}')]


def test_usage_counts_calls_as_the_answer(client: OpenAI, server: LiveServer) -> None:
    server.say(CALL)
    asked: Any = {"model": "tiny", "messages": [HELLO], "tools": [WEATHER]}
    usage = client.chat.completions.create(**asked).usage
    hidden = usage.completion_tokens_details.reasoning_tokens
    assert usage.completion_tokens == len(server.script(CALL).token_ids)
    assert usage.completion_tokens - hidden >= len(server.model.prompter.encode(CALL))


def written_at_random(server: LiveServer, call: Call, rng: random.Random) -> Script:
    """Write a reply as an enforced engine may, often one that begins like a call."""
    assert call.budget is not None
    masks = server.model.automata.find_masks(call.constraint)
    matcher = Matcher(masks.automaton, call.budget, masks)
    begin = rng.choice(['{"name": "get_weather"', ' {"name":"now', ""])
    wished = server.model.prompter.encode(begin)
    token_ids: list[int] = []
    while not matcher.is_terminated:
        wish = wished.pop(0) if wished and matcher.is_answering else -1
        if not matcher.allows(wish):
            wish = int(rng.choice(np.flatnonzero(matcher.allowed())))
        matcher.accept(wish)
        token_ids.append(wish)
    return Script(tuple(token_ids), splits=tuple(rng.randint(1, 9) for _ in token_ids))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"parallel_tool_calls": False},
        {"tool_choice": "required"},
        {"tool_choice": NAMED},
        {"response_format": {"type": "json_object"}},
        {"structured_outputs": {"choice": ["yes", "no"]}},
    ],
)
def test_every_enforced_reply_is_text_or_calls_by_their_schemas(
    client: OpenAI, server: LiveServer, stream: bool, fields: dict[str, Any]
) -> None:
    rng = random.Random(5)
    server.say_by(lambda call: written_at_random(server, call, rng))
    extra = {name: value for name, value in fields.items() if name == "structured_outputs"}
    known = {name: value for name, value in fields.items() if name not in extra}
    found = set()
    for most in (60, 80, 100, 150, 300):
        for choice in ask(client, stream=stream, n=4, max_tokens=most, extra_body=extra, **known):
            text, calls = choice.message.content, choice.message.tool_calls
            found.add("text" if text else "calls")
            assert bool(text) != bool(calls)
            if text:
                assert "tool_choice" not in fields
                assert not re.match(r'\s*\{\s*"name"\s*:\s*"(get_weather|now)"', text)
                continue
            assert choice.finish_reason in {"tool_calls", "length"}
            is_single = fields.get("tool_choice") == NAMED or "parallel_tool_calls" in fields
            assert len(calls) == 1 or not is_single
            for name, arguments in calls_of(choice):
                schema = WEATHER["function"]["parameters"] if name == "get_weather" else EMPTY
                jsonschema.validate(json.loads(arguments), schema)
    assert found == ({"calls"} if "tool_choice" in fields else {"text", "calls"})
