"""Every kind of response, held against OpenAI's published description of its API.

The description is not shipped: set REFLECT_OPENAI_DESCRIPTION to the path of openapi.json from
openai/openai-openapi. With it set, every response of every LiveServer in these tests is judged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from server.keys.policy import Reasoning
from server.settings import Settings
from tests.live import LiveServer
from tests.published import VARIABLE, Description, events, published

# What our responses have beyond OpenAI's: nobody else's client must mind them.
MODEL = {
    "defaults",
    "efforts",
    "limits",
    "max_model_len",
    "may_see_reasoning",
    "parent",
    "reflection_tag",
    "root",
    "system_fingerprint",
}
EXTENSIONS = {
    "choices[].budget_hits",
    "choices[].delta.reasoning",
    "choices[].message.reasoning",
    "progress",
    "response.store",
    "store",
    *MODEL,
    *(f"data[].{name}" for name in MODEL),
}

needs_description = pytest.mark.skipif(
    published() is None, reason=f"{VARIABLE} does not name OpenAI's openapi.json"
)


def chat(**fields: Any) -> dict[str, Any]:
    return {"model": "tiny", "messages": [{"role": "user", "content": "How many?"}], **fields}


REQUESTS: dict[str, tuple[str, str, Any]] = {
    "a completion": ("POST", "/v1/chat/completions", chat()),
    "two choices": ("POST", "/v1/chat/completions", chat(n=2)),
    "with reasoning": ("POST", "/v1/chat/completions", chat(include_reasoning=True)),
    "a stream": ("POST", "/v1/chat/completions", chat(stream=True)),
    "a stream with usage and reasoning": (
        "POST",
        "/v1/chat/completions",
        chat(stream=True, stream_options={"include_usage": True}, include_reasoning=True),
    ),
    "logprobs": ("POST", "/v1/chat/completions", chat(logprobs=True, top_logprobs=2)),
    "streamed logprobs": ("POST", "/v1/chat/completions", chat(stream=True, logprobs=True)),
    "progress": (
        "POST",
        "/v1/chat/completions",
        chat(stream=True, stream_options={"include_progress": True}),
    ),
    "a budget that is hit": ("POST", "/v1/chat/completions", chat(max_completion_tokens=64)),
    "a legacy completion": ("POST", "/v1/completions", {"model": "tiny", "prompt": "How many?"}),
    "a streamed legacy completion": (
        "POST",
        "/v1/completions",
        {"model": "tiny", "prompt": "How many?", "stream": True},
    ),
    "a response": ("POST", "/v1/responses", {"model": "tiny", "input": "How many?"}),
    "a streamed response": (
        "POST",
        "/v1/responses",
        {"model": "tiny", "input": "How many?", "stream": True},
    ),
    "a stop string": ("POST", "/v1/chat/completions", chat(stop="not")),
    "models": ("GET", "/v1/models", None),
    "a model": ("GET", "/v1/models/tiny", None),
    "no such model": ("GET", "/v1/models/other", None),
    "a field too hot": ("POST", "/v1/chat/completions", chat(temperature=3)),
    "an unknown field": ("POST", "/v1/chat/completions", chat(thinking_budget=3)),
}


@needs_description
@pytest.mark.parametrize("name", REQUESTS)
def test_a_response_is_as_published(name: str, make_server: Callable[..., LiveServer]) -> None:
    server = make_server(Settings(reasoning=Reasoning.VISIBLE))
    method, path, body = REQUESTS[name]
    with server.client() as client:
        client.request(method, path, json=body)
    assert server.recorder is not None
    findings = server.recorder.findings
    assert findings.num_values
    assert findings.objections == []
    assert {place.partition(": ")[2] for place in findings.extensions} <= EXTENSIONS


DOCUMENT = {
    "paths": {"/things/{id}": {"get": {"responses": {}}}},
    "components": {
        "schemas": {
            "Named": {"properties": {"name": {"type": "string", "nullable": True}}},
            "A": {
                "allOf": [
                    {"$ref": "#/components/schemas/Named"},
                    {"properties": {"type": {"enum": ["a"]}, "size": {"type": "integer"}}},
                ]
            },
            "B": {"properties": {"type": {"enum": ["b"]}}, "required": ["size"]},
            "Any": {
                "anyOf": [{"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/B"}]
            },
            "List": {"properties": {"data": {"items": {"$ref": "#/components/schemas/Any"}}}},
        }
    },
}


@pytest.fixture
def description() -> Description:
    return Description(DOCUMENT)


def test_the_variant_of_the_value_s_type_judges_it(description: Description) -> None:
    schema = description.schema("Any")
    assert list(description.objections({"type": "a", "size": 1, "name": None}, schema)) == []
    assert list(description.objections({"type": "a", "size": "x"}, schema)) == [
        "$.size: 'x' is not of type 'integer'"
    ]
    assert list(description.objections({"type": "b"}, schema)) == [
        "$: 'size' is a required property"
    ]


def test_fields_beyond_the_description_are_named_with_their_place(description: Description) -> None:
    value = {"data": [{"type": "a", "name": "n", "extra": 1}, {"type": "b", "size": 1}], "more": 2}
    found = set(description.extensions(value, description.schema("List")))
    assert found == {"data[].extra", "data[].size", "more"}


def test_paths_with_names_in_them_are_found(description: Description) -> None:
    found = description.operation("GET", "/v1/things/7")
    assert found is not None
    assert found[0] == "/things/{id}"
    assert description.operation("GET", "/v1/things/7/parts") is None
    assert description.operation("POST", "/v1/things/7") is None


def test_events_are_read_without_comments_and_the_end() -> None:
    body = b': \n\ndata: {"a": 1}\n\nevent: b\ndata: {"b": 2}\n\ndata: [DONE]\n\n'
    assert list(events(body)) == [{"a": 1}, {"b": 2}]
