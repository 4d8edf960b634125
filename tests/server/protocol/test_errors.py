"""Every mistake in a request is one sentence with the field's path, and no value of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from server import errors
from server.protocol.chat import ChatCompletionRequest
from server.protocol.errors import FAILURES, error_body, failure, request_error
from server.protocol.unsupported import NEUTRAL, UNSUPPORTED

HELLO = {"role": "user", "content": "hello"}
SECRET = "planted value"


def refusal(body: Any) -> errors.RequestError:
    text = body if isinstance(body, str) else json.dumps(body)
    with pytest.raises(ValidationError) as caught:
        ChatCompletionRequest.model_validate_json(text)
    return request_error(caught.value)


def fields(**values: Any) -> dict[str, Any]:
    return {"model": "tiny", "messages": [HELLO]} | values


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ("{", None, "invalid_json"),
        ("", None, "invalid_json"),
        ("[" * 10_000, None, "invalid_json"),
        ('{"model": "\\ud800"}', None, "invalid_json"),
        ("[]", None, "invalid_value"),
        ('"text"', None, "invalid_value"),
        ({"messages": [HELLO]}, "model", "missing_required_parameter"),
        ({"model": "tiny"}, "messages", "missing_required_parameter"),
        (fields(messages=[]), "messages", "invalid_value"),
        (fields(messages="hello"), "messages", "invalid_value"),
        (fields(messages=[SECRET]), "messages[0]", "invalid_value"),
        (fields(messages=[{"role": SECRET, "content": "x"}]), "messages[0].role", "invalid_value"),
        (fields(messages=[{"content": "x"}]), "messages[0].role", "invalid_value"),
        (fields(messages=[{"role": "function", "content": SECRET}]), "messages[0].role", None),
        (fields(messages=[{"role": "assistant"}]), "messages[0].content", None),
        (fields(messages=[{"role": "tool", "content": "7"}]), "messages[0].tool_call_id", None),
        (fields(messages=[{"role": "user"}]), "messages[0].content", "missing_required_parameter"),
        (fields(messages=[{"role": "user", "content": None}]), "messages[0].content", None),
        (fields(messages=[{"role": "user", "content": 7}]), "messages[0].content", None),
        (fields(messages=[HELLO | {"x": SECRET}]), "messages[0].x", "unknown_parameter"),
        (fields(messages=[HELLO | {"name": 7}]), "messages[0].name", "invalid_value"),
        (
            fields(messages=[HELLO | {"tool_calls": [{"id": SECRET}]}]),
            "messages[0].tool_calls",
            "unknown_parameter",
        ),
        (
            fields(messages=[{"role": "user", "content": [{"type": "image_url"}]}]),
            "messages[0].content",
            "invalid_value",
        ),
        (
            fields(messages=[{"role": "user", "content": [{"type": "text", "text": 7}]}]),
            "messages[0].content[0].text",
            "invalid_value",
        ),
        (fields(temperature=2.1), "temperature", "invalid_value"),
        (fields(temperature=-0.1), "temperature", "invalid_value"),
        (fields(temperature=SECRET), "temperature", "invalid_value"),
        (json.dumps(fields(temperature=float("nan"))), "temperature", "invalid_value"),
        (fields(temperature=True), "temperature", "invalid_value"),
        (fields(top_p=1.1), "top_p", "invalid_value"),
        (fields(n=0), "n", "invalid_value"),
        (fields(n=1.5), "n", "invalid_value"),
        (fields(n=129), "n", "invalid_value"),
        (fields(seed=2**63), "seed", "invalid_value"),
        (fields(seed=SECRET), "seed", "invalid_value"),
        (fields(max_tokens=0), "max_tokens", "invalid_value"),
        (fields(max_tokens=2**40), "max_tokens", "invalid_value"),
        (fields(stop=[SECRET] * 5), "stop", "invalid_value"),
        (fields(stop=""), "stop[0]", "invalid_value"),
        (fields(stop=[7]), "stop[0]", "invalid_value"),
        (fields(stop="x" * 2000), "stop[0]", "invalid_value"),
        (fields(stream="yes"), "stream", "invalid_value"),
        (fields(reasoning_effort="huge"), "reasoning_effort", "invalid_value"),
        (fields(stream_options={"include_usage": True}), "stream_options", "invalid_value"),
        (fields(stream=True, stream_options={"x": 1}), "stream_options.x", "unknown_parameter"),
        (fields(stream_options={"include_progress": True}), "stream_options", "invalid_value"),
        (fields(frequency_penalty=2.1), "frequency_penalty", "invalid_value"),
        (fields(presence_penalty=False), "presence_penalty", "invalid_value"),
        (fields(repetition_penalty=0), "repetition_penalty", "invalid_value"),
        (fields(min_p=1.5), "min_p", "invalid_value"),
        (fields(top_k=1.5), "top_k", "invalid_value"),
        (fields(logprobs=0), "logprobs", "invalid_value"),
        (fields(logprobs=True, top_logprobs=21), "top_logprobs", "invalid_value"),
        (fields(top_logprobs=1), "top_logprobs", "invalid_value"),
        (fields(logit_bias={"5": 101}), "logit_bias.5", "invalid_value"),
        (fields(logit_bias={"5": "1"}), "logit_bias.5", "invalid_value"),
        (fields(logit_bias={SECRET: 1}), "logit_bias", "invalid_value"),
        (fields(logit_bias={"-5": 1}), "logit_bias", "invalid_value"),
        (fields(logit_bias={"9" * 10: 1}), "logit_bias", "invalid_value"),
        (fields(logit_bias={str(i): 1 for i in range(1025)}), "logit_bias", "invalid_value"),
        (fields(logit_bias=[5]), "logit_bias", "invalid_value"),
        (fields(service_tier="flex"), "service_tier", "invalid_value"),
        (fields(store=True), "store", "unsupported_parameter"),
        (fields(verbosity="low"), "verbosity", "unsupported_parameter"),
        (fields(modalities=["text", "audio"]), "modalities", "unsupported_parameter"),
        (fields(continue_final_message=True), "continue_final_message", "unsupported_parameter"),
        (fields(add_generation_prompt=False), "add_generation_prompt", "unsupported_parameter"),
        (fields(echo=1), "echo", "unsupported_parameter"),
        (fields(tools=[{"type": "function"}]), "tools[0].function", None),
        (fields(tool_choice="required"), "tool_choice", "invalid_value"),
        (fields(tool_choice={"type": SECRET}), "tool_choice", "invalid_value"),
        (fields(functions=[{"name": SECRET}]), "functions", "unsupported_parameter"),
        (fields(function_call={"name": SECRET}), "function_call", "unsupported_parameter"),
        (fields(response_format={"type": "xml"}), "response_format.type", "invalid_value"),
        (fields(response_format={}), "response_format.type", "invalid_value"),
        (fields(response_format="json_object"), "response_format", "invalid_value"),
        (fields(response_format={"type": "text", "x": 1}), "response_format.x", None),
        (
            fields(response_format={"type": "json_schema"}),
            "response_format.json_schema",
            "missing_required_parameter",
        ),
        (
            fields(response_format={"type": "json_schema", "json_schema": {"name": "n"}}),
            "response_format.json_schema.schema",
            "missing_required_parameter",
        ),
        (
            fields(
                response_format={"type": "json_schema", "json_schema": {"name": 1, "schema": {}}}
            ),
            "response_format.json_schema.name",
            "invalid_value",
        ),
        (fields(structured_outputs={}), "structured_outputs", "invalid_value"),
        (fields(structured_outputs={"json_object": False}), "structured_outputs", None),
        (fields(structured_outputs={"regex": "a", "choice": ["b"]}), "structured_outputs", None),
        (fields(structured_outputs={"regex": 7}), "structured_outputs.regex", "invalid_value"),
        (fields(structured_outputs={"x": 7}), "structured_outputs.x", "unknown_parameter"),
        (
            fields(structured_outputs={"grammar": "root ::= 1"}),
            "structured_outputs.grammar",
            "unsupported_parameter",
        ),
        (
            fields(structured_outputs={"structural_tag": "{}"}),
            "structured_outputs.structural_tag",
            "unsupported_parameter",
        ),
        (
            fields(structured_outputs={"regex": "a", "disable_any_whitespace": True}),
            "structured_outputs.disable_any_whitespace",
            "unsupported_parameter",
        ),
        (
            fields(structured_outputs={"json": {}, "whitespace_pattern": SECRET}),
            "structured_outputs.whitespace_pattern",
            "unsupported_parameter",
        ),
        *(
            (fields(structured_outputs={"json": it}), "structured_outputs.json", "invalid_value")
            for it in (True, [], [SECRET], 7)
        ),
        (
            fields(response_format={"type": "json_object"}, structured_outputs={"regex": "a"}),
            "structured_outputs",
            "invalid_value",
        ),
        (fields(max_tokens=99, max_completion_tokens=99), "max_completion_tokens", None),
        (fields(reflection={"x": 1}), "reflection.x", "unknown_parameter"),
        (fields(reflection={"min_reflections": -1}), "reflection.min_reflections", None),
        (fields(reflection={"min_answer_tokens": 0}), "reflection.min_answer_tokens", None),
        (fields(metadata={"k": 7}), "metadata.k", "invalid_value"),
        (fields(metadata={str(k): "" for k in range(17)}), "metadata", "invalid_value"),
        (fields(foo=SECRET), "foo", "unknown_parameter"),
        (fields(foo=None), "foo", "unknown_parameter"),
        (fields(include_reasoning="true"), "include_reasoning", "invalid_value"),
        *((fields(**{name: SECRET}), name, "unsupported_parameter") for name in UNSUPPORTED),
    ],
)
def test_a_mistake_is_named_by_its_path(body: Any, param: str | None, code: str | None) -> None:
    error = refusal(body)
    assert error.param == param
    assert code is None or error.code == code
    assert SECRET not in error.message
    assert error.message.endswith(".")
    assert "\n" not in error.message


def test_a_very_long_name_is_not_repeated_whole() -> None:
    assert len(refusal(fields(**{"x" * 10_000: 1})).message) < 200


def test_null_means_not_given_for_the_parameters_of_openai() -> None:
    nulls = dict.fromkeys(UNSUPPORTED) | dict.fromkeys(
        ["max_tokens", "temperature", "top_p", "seed", "stop", "n", "stream", "stream_options",
         "reasoning_effort", "user", "metadata", "reflection", "include_reasoning",
         "response_format", "structured_outputs", "frequency_penalty", "presence_penalty",
         "repetition_penalty", "logit_bias", "top_k", "min_p", "logprobs", "top_logprobs",
         "service_tier", "safety_identifier", "prompt_cache_key"]
    )  # fmt: skip
    request = ChatCompletionRequest.model_validate_json(json.dumps(fields(**nulls)))
    assert request == ChatCompletionRequest.model_validate(fields())


@pytest.mark.parametrize(
    "neutral",
    [
        *({name: value} for name, values in NEUTRAL.items() for value in values),
    ],
)
def test_a_neutral_value_is_not_given(neutral: dict[str, Any]) -> None:
    request = ChatCompletionRequest.model_validate_json(json.dumps(fields(**neutral)))
    assert request == ChatCompletionRequest.model_validate(fields())


def test_neutral_values_inside_a_request_are_not_given() -> None:
    answer = {"role": "assistant", "content": "7"}
    neutral: dict[str, Any] = {"annotations": [], "tool_calls": [], "refusal": None, "audio": None}
    options = {"include_usage": True}
    bare = fields(messages=[HELLO, answer], stream=True, stream_options=options)
    full = fields(
        messages=[HELLO | {"audio": None}, answer | neutral],
        stream=True,
        stream_options=options,
    )
    validate = ChatCompletionRequest.model_validate_json
    assert validate(json.dumps(full)) == validate(json.dumps(bare))


def test_names_of_speakers_are_taken() -> None:
    ChatCompletionRequest.model_validate_json(json.dumps(fields(messages=[HELLO | {"name": "Al"}])))


@pytest.mark.parametrize("message", [{"content": "x"}, {"role": "function", "content": "x"}])
def test_a_missing_or_unknown_role_gets_the_list_of_roles(message: dict[str, str]) -> None:
    expected = "one of 'system', 'developer', 'user', 'assistant', 'tool'"
    assert expected in refusal(fields(messages=[message])).message


def test_harmless_fields_are_taken() -> None:
    ChatCompletionRequest.model_validate_json(
        json.dumps(fields(user="someone", metadata={"k": "v"}, stop=[]))
    )


def test_every_exception_has_an_answer_and_the_most_derived_one_counts() -> None:
    assert failure(errors.RequestError("x")).status == 400
    assert failure(errors.NotFound("x")).status == 404
    assert failure(errors.QueueFull("x")).headers == {"Retry-After": "5"}
    assert failure(errors.EngineError("x")).status == 500
    for kind in FAILURES:
        assert error_body(kind("A sentence.")).error.message == "A sentence."


def test_an_exception_s_own_code_goes_before_its_kind_s() -> None:
    assert error_body(errors.NotFound("x", code="model_not_found")).error.code == "model_not_found"
    assert error_body(errors.NotFound("x")).error.code == "not_found"


def test_an_unknown_answer_format_gets_the_list_of_formats() -> None:
    expected = "one of 'text', 'json_object', 'json_schema'"
    assert expected in refusal(fields(response_format={"type": "xml"})).message


@pytest.mark.parametrize("name", ["guided_json", "guided_regex", "guided_choice"])
def test_an_older_spelling_gets_the_present_one(name: str) -> None:
    expected = f"structured_outputs.{name.removeprefix('guided_')}"
    assert expected in refusal(fields(**{name: "a"})).message


@pytest.mark.parametrize(
    ("demands", "said"),
    [
        ({"json": True}, "'structured_outputs.json': it should be an object or a JSON string."),
        ({"json": {}, "regex": "a"}, "came json and regex."),
        ({"json_object": False}, "came none of them."),
        ({"json": {}, "whitespace_pattern": ""}, "not supported: JSON answers have at most one"),
    ],
)
def test_a_wrong_demand_is_told_what_came_or_serves(demands: dict[str, Any], said: str) -> None:
    assert said in refusal(fields(structured_outputs=demands)).message


def test_demands_of_other_servers_that_ask_for_nothing_are_taken() -> None:
    neutral = {"disable_any_whitespace": False, "whitespace_pattern": None, "grammar": None}
    ChatCompletionRequest.model_validate(
        fields(structured_outputs={"json": {}, "disable_additional_properties": False} | neutral)
    )
