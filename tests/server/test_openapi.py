"""The API's own description names every route, field and error, and all its references resolve."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from tests.live import LiveServer

NOW = {"type": "function", "function": {"name": "now"}}
GOOD = {"model": "tiny", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
def document(server: LiveServer) -> Any:
    with server.client() as client:
        return client.get("/openapi.json").json()


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [ref for value in node.values() for ref in references(value)]
    return [ref for each in node for ref in references(each)] if isinstance(node, list) else []


def test_every_reference_resolves(document: Any) -> None:
    found = references(document)
    assert len(found) > 5
    for reference in found:
        node = document
        for key in reference.removeprefix("#/").split("/"):
            node = node[key]


def test_every_route_of_the_api_is_described(document: Any) -> None:
    assert set(document["paths"]) == {
        "/health",
        "/ready",
        "/metrics",
        "/v1/models",
        "/v1/models/{model}",
        "/v1/chat/completions",
        "/v1/load_lora_adapter",
        "/v1/unload_lora_adapter",
        "/admin/promote",
        "/v1/completions",
        "/tokenize",
        "/detokenize",
        "/v1/messages",
        "/v1/messages/count_tokens",
        "/v1/responses",
        "/v1/responses/{id}",
        "/v1/responses/{id}/cancel",
        "/v1/responses/{id}/input_items",
    }
    chat = document["paths"]["/v1/chat/completions"]["post"]
    assert set(chat["responses"]) == {"200", "4XX", "5XX"}


@pytest.mark.parametrize(
    ("fields", "is_valid"),
    [
        ({}, True),
        ({"stop": "x", "reflection": {"min_reflections": 1}, "n": 2}, True),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]}, True),
        ({"frequency_penalty": 0, "tools": [], "store": None}, True),
        ({"response_format": {"type": "text"}}, True),
        ({"structured_outputs": {"choice": ["I do not know.", "7 apples"]}}, True),
        ({"tools": [NOW], "tool_choice": "auto", "parallel_tool_calls": False}, True),
        ({"tools": [NOW], "tool_choice": {"type": "function"}}, False),
        ({"tools": [NOW | {"type": "custom"}]}, False),
        ({"functions": [{"name": "now"}]}, False),
        ({"response_format": {"type": "xml"}}, False),
        ({"response_format": {"type": "json_schema"}}, False),
        ({"structured_outputs": {"regex": ["a"]}}, False),
        ({"frequency_penalty": 0.5, "logit_bias": {"5": -100}, "top_k": -1}, True),
        ({"logprobs": True, "top_logprobs": 20}, True),
        ({"frequency_penalty": 2.5}, False),
        ({"logit_bias": {"five": 1}}, False),
        ({"logit_bias": {"5": 101}}, False),
        ({"store": True}, False),
        ({"unknown": 1}, False),
        ({"temperature": 3}, False),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, False),
    ],
)
def test_the_request_s_schema_says_what_is_taken(
    fields: dict[str, Any], is_valid: bool, document: Any, server: LiveServer
) -> None:
    schema = {"$ref": "#/components/schemas/ChatCompletionRequest"} | {
        "components": document["components"]
    }
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(GOOD | fields) == is_valid
    with server.client() as client:
        status = client.post("/v1/chat/completions", json=GOOD | fields).status_code
    assert (status == 200) == is_valid
