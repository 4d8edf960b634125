"""The official `openai` SDK's Responses, strict, against the fake and the real server.

As in test_openai_sdk, every case runs on both and asks nothing of the words of an answer.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import openai
import pydantic
import pytest
from openai import OpenAI
from openai.types.responses import Response

from tests.fakes import Call, Script
from tests.live import LiveServer

QUESTION = "Tom has 3 apples and buys 4 more. How many?"
TAGS = re.compile(r"</?(thinking|reflection|output)>")
SEALED: Any = ["reasoning.encrypted_content"]
WAIT_S = 60.0


class Apples(pydantic.BaseModel):
    """What a parsed answer is read into."""

    apples: int = pydantic.Field(ge=0, le=99)


@pytest.fixture
def fake_server(server: LiveServer) -> tuple[str, str]:
    def script(call: Call) -> Script:
        if call.constraint is not None:
            return server.script('{"apples": 7}')
        reply = server.script("Tom has 7 apples.\nThat is all.", "planted <out> thought")
        if call.sampling.max_tokens >= len(reply.token_ids):
            return reply
        cut = server.encode("<thinking></thinking><output>7</output>")
        return Script(cut, "length")

    server.say_by(script)
    return server.base_url, server.model_name


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.engine)])
def target(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Address and model of each server in turn."""
    if request.param == "fake":
        fake: tuple[str, str] = request.getfixturevalue("fake_server")
        return fake
    real = request.getfixturevalue("real_server")
    return real.base_url, real.model


@pytest.fixture
def client(target: tuple[str, str]) -> Iterator[OpenAI]:
    with OpenAI(
        base_url=target[0],
        api_key="none",
        max_retries=0,
        timeout=WAIT_S,
        _strict_response_validation=True,
    ) as client:
        yield client


@pytest.fixture
def served(target: tuple[str, str]) -> str:
    return target[1]


def ask(client: OpenAI, model: str, **fields: Any) -> Response:
    create: Any = client.responses.create  # its overloads do not take fields that vary
    response = create(model=model, **({"input": QUESTION, "temperature": 0} | fields))
    assert isinstance(response, Response)
    return response


def check(response: Response) -> None:
    """Check what must hold of every response that has an answer."""
    assert response.status in ("completed", "incomplete")
    assert response.output_text.strip()
    assert not TAGS.search(response.model_dump_json())
    reasoning = response.output[0]
    assert reasoning.type == "reasoning"
    assert (reasoning.summary, reasoning.content) == ([], None)
    assert response.usage is not None
    hidden = response.usage.output_tokens_details.reasoning_tokens
    assert 0 < hidden < response.usage.output_tokens
    assert response.usage.total_tokens == (
        response.usage.input_tokens + response.usage.output_tokens
    )


def test_create_gives_the_answer_and_reasoning_without_text(client: OpenAI, served: str) -> None:
    response = ask(client, served, instructions="Be brief.", metadata={"k": "v"})
    check(response)
    assert response.metadata == {"k": "v"}


def test_a_stream_says_what_create_says(client: OpenAI, served: str) -> None:
    whole = ask(client, served)
    with client.responses.stream(model=served, input=QUESTION, temperature=0) as stream:
        events = list(stream)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    text = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    assert text == whole.output_text
    (last,) = [e for e in events if e.type in ("response.completed", "response.incomplete")]
    assert last.response.output_text == text
    assert last.response.usage == whole.usage
    assert last.response.status == whole.status


def test_the_least_output_is_incomplete_and_closed(client: OpenAI, served: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, served, max_output_tokens=1)
    assert caught.value.param == "max_output_tokens"
    found = re.search(r"at least (\d+)", caught.value.message)
    assert found
    response = ask(client, served, max_output_tokens=int(found[1]))
    assert response.output_text.strip()
    assert response.usage is not None
    assert response.usage.output_tokens <= int(found[1])
    if response.status == "incomplete":
        assert response.incomplete_details is not None
        assert response.incomplete_details.reason == "max_output_tokens"


def test_an_answer_is_parsed(client: OpenAI, served: str) -> None:
    response = client.responses.parse(model=served, input=QUESTION, text_format=Apples)
    assert isinstance(response.output_parsed, Apples)


def test_stored_responses_are_retrieved_listed_and_deleted(client: OpenAI, served: str) -> None:
    response = ask(client, served)
    assert client.responses.retrieve(response.id) == response
    (item,) = client.responses.input_items.list(response.id)
    assert item.type == "message"
    client.responses.delete(response.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response.id)


def test_a_conversation_goes_on_by_its_id_or_by_its_items(client: OpenAI, served: str) -> None:
    first = ask(client, served)
    by_id = ask(client, served, input="And 5 more?", previous_response_id=first.id)
    items: list[Any] = [{"role": "user", "content": QUESTION}, *first.output]
    items.append({"role": "user", "content": "And 5 more?"})
    by_items = ask(client, served, input=items)
    assert by_id.output_text == by_items.output_text
    assert by_id.usage == by_items.usage
    assert len(list(client.responses.input_items.list(by_id.id, limit=1))) >= 3


def test_sealed_reasoning_makes_the_round_without_a_store(client: OpenAI, served: str) -> None:
    first = ask(client, served, include=SEALED, store=False)
    reasoning = first.output[0]
    assert reasoning.type == "reasoning"
    assert reasoning.encrypted_content
    items: list[Any] = [{"role": "user", "content": QUESTION}, *first.output]
    items.append({"role": "user", "content": "And 5 more?"})
    check(ask(client, served, input=items, include=SEALED, store=False))
    items[1] = reasoning.model_copy(update={"encrypted_content": "AAAA"})
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, served, input=items, store=False)
    assert caught.value.code == "invalid_encrypted_content"


def test_a_background_response_is_polled_to_its_end(client: OpenAI, served: str) -> None:
    whole = ask(client, served)
    response = ask(client, served, background=True)
    assert response.status == "queued"
    deadline_s = time.monotonic() + WAIT_S
    while response.status in ("queued", "in_progress"):
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
        response = client.responses.retrieve(response.id)
    check(response)
    assert response.output_text == whole.output_text
    assert client.responses.cancel(response.id) == response


def test_a_background_stream_is_taken_up_again(client: OpenAI, served: str) -> None:
    stream = client.responses.create(
        model=served, input=QUESTION, temperature=0, background=True, stream=True
    )
    seen = [next(iter(stream)), next(iter(stream))]
    stream.close()
    id = seen[0].response.id  # type: ignore[union-attr]
    rest = list(client.responses.retrieve(id, stream=True, starting_after=1))
    numbers = [event.sequence_number for event in (*seen, *rest)]
    assert numbers == list(range(len(numbers)))
    assert rest[-1].type in ("response.completed", "response.incomplete")


def test_what_is_not_there_is_refused_by_name(client: OpenAI, served: str) -> None:
    refused: list[tuple[dict[str, Any], str]] = [
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"truncation": "auto"}, "truncation"),
    ]
    for fields, param in refused:
        with pytest.raises(openai.BadRequestError) as caught:
            ask(client, served, **fields)
        assert (caught.value.param, caught.value.code) == (param, "unsupported_parameter")
