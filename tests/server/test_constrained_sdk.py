"""Constrained answers of the real server on the demo model, through the official `openai` SDK."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Literal

import jsonschema
import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel

from tests.conftest import RealServer

pytestmark = pytest.mark.engine

QUESTION: Any = [{"role": "user", "content": "Tom has 3 apples and buys 4 more. How many?"}]
BASKET: dict[str, Any] = {
    "type": "object",
    "properties": {
        "fruit": {"type": "string"},
        "count": {"type": "integer"},
        "owners": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["fruit", "count", "owners"],
    "additionalProperties": False,
}
BASKET_FORMAT: Any = {"type": "json_schema", "json_schema": {"name": "basket", "schema": BASKET}}


class Verdict(BaseModel):
    """What `parse` is asked for: nothing in it is of any length."""

    is_enough: bool
    fruit: Literal["apples", "pears"]


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


def ask(client: OpenAI, **fields: Any) -> list[tuple[str, str]]:
    """Return the answers with their finish reasons, streamed where the fields say so."""
    answered: Any = client.chat.completions.create(
        model="demo", messages=QUESTION, **({"seed": 5, "temperature": 1} | fields)
    )
    if not fields.get("stream"):
        return [(c.message.content or "", c.finish_reason) for c in answered.choices]
    num_choices = fields.get("n", 1)
    texts, reasons = [""] * num_choices, [""] * num_choices
    for chunk in answered:
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
            reasons[choice.index] = choice.finish_reason or reasons[choice.index]
    return list(zip(texts, reasons, strict=True))


def least_tokens(client: OpenAI, **fields: Any) -> int:
    """Return the least max_completion_tokens: the server names that of any answer, then this."""
    least = 1
    for _ in range(2):
        with pytest.raises(openai.BadRequestError) as caught:
            ask(client, max_completion_tokens=least, **fields)
        assert caught.value.param == "max_completion_tokens"
        found = re.search(r"at least (\d+)", caught.value.message)
        assert found
        least = int(found[1])
    return least


@pytest.mark.parametrize("temperature", [0, 1])
def test_parse_returns_an_instance_of_the_model(client: OpenAI, temperature: float) -> None:
    completion = client.chat.completions.parse(
        model="demo", messages=QUESTION, response_format=Verdict, temperature=temperature
    )
    (choice,) = completion.choices
    assert isinstance(choice.message.parsed, Verdict)
    assert choice.finish_reason == "stop"


def test_the_sdk_s_stream_ends_with_an_instance_too(client: OpenAI) -> None:
    with client.chat.completions.stream(
        model="demo", messages=QUESTION, response_format=Verdict
    ) as stream:
        for _ in stream:
            pass
        assert isinstance(stream.get_final_completion().choices[0].message.parsed, Verdict)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("room", [0, 1, 7, 200])
def test_answers_follow_the_schema_whatever_the_budget(
    client: OpenAI, stream: bool, n: int, room: int
) -> None:
    most = least_tokens(client, response_format=BASKET_FORMAT) + room
    answers = ask(
        client,
        response_format=BASKET_FORMAT,
        stream=stream,
        n=n,
        max_completion_tokens=most,
    )
    assert len(answers) == n
    for text, reason in answers:
        jsonschema.validate(json.loads(text), BASKET)
        assert reason == "length" if room == 0 else reason in {"stop", "length"}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "fields",
    [
        {"response_format": {"type": "json_object"}},
        {"extra_body": {"structured_outputs": {"json_object": True}}},
    ],
)
def test_a_json_object_is_one(client: OpenAI, fields: dict[str, Any], stream: bool) -> None:
    ((text, _),) = ask(client, stream=stream, max_completion_tokens=200, **fields)
    assert isinstance(json.loads(text), dict)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("demand", "pattern"),
    [
        ({"regex": "Tom has [0-9]{1,2} apples\\."}, r"Tom has \d{1,2} apples\."),
        ({"choice": ["seven", "eleven"]}, "seven|eleven"),
        ({"json": {"enum": [7, "seven", None]}}, '7|"seven"|null'),
    ],
)
def test_vllm_s_structured_outputs_are_kept(
    client: OpenAI, demand: dict[str, Any], pattern: str, stream: bool
) -> None:
    answers = ask(client, extra_body={"structured_outputs": demand}, n=2, stream=stream)
    assert [reason for _, reason in answers] == ["stop", "stop"]
    assert all(re.fullmatch(pattern, text) for text, _ in answers)


def test_a_schema_that_is_not_supported_is_refused_by_its_pointer(client: OpenAI) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "strange"}}, "required": ["a"]}
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, response_format=_format(schema))
    assert caught.value.param == "response_format"
    assert "/properties/a" in caught.value.message


def _format(schema: Any) -> Any:
    return {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
