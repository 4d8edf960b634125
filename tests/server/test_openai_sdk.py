"""The official `openai` SDK, with strict response validation, against the fake and the real server.

Every case runs on both: on the scripted engine in milliseconds, and, marked `engine`, on the demo
model in vLLM. A case may therefore ask nothing of the words of an answer.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, get_args

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletion

from server.protocol.fields import Effort
from tests.fakes import Call, Script
from tests.live import LiveServer

QUESTION: Any = [{"role": "user", "content": "Tom has 3 apples and buys 4 more. How many?"}]
TAGS = re.compile(r"</?(thinking|reflection|output)>")
UNFINISHED = re.compile(r"^vllm:num_requests_(?:running|waiting)\{.*?\} (\S+)$", re.MULTILINE)
WAIT_S = 60.0


@dataclass(frozen=True)
class Target:
    """A server under test: where it is, and how many requests its engine still holds."""

    base_url: str
    model: str
    num_unfinished: Callable[[], float]


@pytest.fixture
def fake_server(server: LiveServer) -> Target:
    """The application on a scripted engine whose answer depends on the seed."""

    def script(call: Call) -> Script:
        answer = f"Tom has {call.sampling.seed or 0} + 7 apples.\nThat is all."
        reply = server.script(answer, "planted <out> thought", delay_s=0.002)
        size = len(reply.token_ids)
        if call.sampling.max_tokens >= size:
            return reply
        text = "<thinking></thinking><output>7</output>"
        return Script(server.encode(text))

    server.say_by(script)
    return Target(server.base_url, server.model_name, lambda: server.num_unfinished)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.engine)])
def target(request: pytest.FixtureRequest) -> Target:
    """Each server in turn."""
    if request.param == "fake":
        fake: Target = request.getfixturevalue("fake_server")
        return fake
    real = request.getfixturevalue("real_server")

    def num_unfinished() -> float:
        page = httpx.get(f"{real.url}/metrics", trust_env=False).text
        counts = [float(count) for count in UNFINISHED.findall(page)]
        assert len(counts) >= 2, "the engine's metrics are missing"
        return sum(counts)

    return Target(real.base_url, real.model, num_unfinished)


@pytest.fixture
def client(target: Target) -> Iterator[OpenAI]:
    with OpenAI(
        base_url=target.base_url,
        api_key="none",
        max_retries=0,
        timeout=WAIT_S,
        _strict_response_validation=True,
    ) as client:
        yield client


def ask(client: OpenAI, target: Target, **fields: Any) -> ChatCompletion:
    completion = client.chat.completions.create(
        model=target.model, messages=QUESTION, **({"temperature": 0} | fields)
    )
    assert isinstance(completion, ChatCompletion)
    return completion


def check_usage(usage: openai.types.CompletionUsage | None) -> int:
    """Check what must hold of every usage, and return the reasoning tokens."""
    assert usage is not None
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.completion_tokens_details is not None
    reasoning = usage.completion_tokens_details.reasoning_tokens
    assert reasoning is not None
    assert 0 < reasoning < usage.completion_tokens
    return reasoning


def test_chat_returns_the_answer_alone(client: OpenAI, target: Target) -> None:
    completion = ask(client, target)
    (choice,) = completion.choices
    assert completion.model == target.model
    assert choice.message.role == "assistant"
    assert choice.message.content
    assert choice.message.content.strip()
    assert not TAGS.search(choice.message.content)
    assert choice.finish_reason in {"stop", "length"}
    assert "reasoning" not in (choice.message.model_extra or {})
    check_usage(completion.usage)


def test_a_stream_says_the_same_with_the_same_usage(client: OpenAI, target: Target) -> None:
    whole = ask(client, target)
    stream = client.chat.completions.create(
        model=target.model,
        messages=QUESTION,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    reasons = [c.choices[0].finish_reason for c in chunks if c.choices]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert text == whole.choices[0].message.content
    assert [reason for reason in reasons if reason] == [whole.choices[0].finish_reason]
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_the_sdk_s_own_accumulator_agrees(client: OpenAI, target: Target) -> None:
    with client.chat.completions.stream(
        model=target.model, messages=QUESTION, temperature=0
    ) as stream:
        for _ in stream:
            pass
        final = stream.current_completion_snapshot  # the final one may not end with "length"
    assert final.choices[0].message.content == ask(client, target).choices[0].message.content


@pytest.mark.parametrize("stream", [False, True])
def test_two_choices_come_back(stream: bool, client: OpenAI, target: Target) -> None:
    fields: dict[str, Any] = {"n": 2, "temperature": 1, "seed": 4}
    if not stream:
        completion = ask(client, target, **fields)
        assert [choice.index for choice in completion.choices] == [0, 1]
        assert all(choice.message.content for choice in completion.choices)
        check_usage(completion.usage)
        return
    texts = {0: "", 1: ""}
    reasons = []
    for chunk in client.chat.completions.create(
        model=target.model, messages=QUESTION, stream=True, **fields
    ):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
            reasons += [choice.finish_reason] if choice.finish_reason else []
    assert all(text.strip() for text in texts.values())
    assert len(reasons) == 2


def test_a_seed_makes_replies_repeatable(client: OpenAI, target: Target) -> None:
    first, second = (ask(client, target, temperature=1, seed=11) for _ in range(2))
    assert first.choices[0].message == second.choices[0].message
    assert first.usage == second.usage
    alone = ask(client, target, temperature=1, seed=11)
    both = ask(client, target, temperature=1, seed=11, n=2)
    assert both.choices[0].message == alone.choices[0].message


@pytest.mark.parametrize("stream", [False, True])
def test_a_stop_string_cuts_the_answer_where_it_stands(
    stream: bool, client: OpenAI, target: Target
) -> None:
    answer = ask(client, target).choices[0].message.content or ""
    stop = answer[len(answer) // 2 :][:3]
    expected = answer[: answer.index(stop)]
    fields: dict[str, Any] = {"stop": [stop, "never in it"]}
    if stream:
        chunks = client.chat.completions.create(
            model=target.model, messages=QUESTION, temperature=0, stream=True, **fields
        )
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    else:
        choice = ask(client, target, **fields).choices[0]
        text = choice.message.content or ""
        assert choice.finish_reason == "stop"
    assert text == expected


def test_stop_strings_that_are_tags_change_nothing(client: OpenAI, target: Target) -> None:
    tags = ["<thinking>", "</thinking>", "<output>", "</output>"]
    plain, tagged = ask(client, target), ask(client, target, stop=tags)
    assert tagged.choices[0].message.content == plain.choices[0].message.content
    assert tagged.usage == plain.usage


def test_the_least_max_tokens_that_is_accepted_gives_an_answer(
    client: OpenAI, target: Target
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, target, max_completion_tokens=1)
    assert caught.value.param == "max_completion_tokens"
    found = re.search(r"at least (\d+)", caught.value.message)
    assert found
    least = int(found[1])
    completion = ask(client, target, max_completion_tokens=least)
    assert completion.choices[0].message.content
    assert completion.choices[0].message.content.strip()
    assert completion.usage is not None
    assert completion.usage.completion_tokens <= least
    with pytest.raises(openai.BadRequestError):
        ask(client, target, max_completion_tokens=least - 1)


def test_efforts_and_the_extension_set_budgets(client: OpenAI, target: Target) -> None:
    ask(client, target, reasoning_effort="low", user="somebody", metadata={"k": "v"})
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, target, extra_body={"reflection": {"max_reflections": -1}})
    assert caught.value.param == "reflection.max_reflections"


@pytest.mark.parametrize("effort", get_args(Effort))
def test_every_effort_of_openai_is_served(effort: Effort, client: OpenAI, target: Target) -> None:
    ask(client, target, reasoning_effort=effort)


def test_parameters_that_ask_for_nothing_are_taken(client: OpenAI, target: Target) -> None:
    neutral: dict[str, Any] = {
        "frequency_penalty": 0,
        "presence_penalty": 0,
        "logprobs": False,
        "tool_choice": "none",
        "response_format": {"type": "text"},
        "store": False,
        "service_tier": "auto",
        "parallel_tool_calls": True,
    }
    plain = ask(client, target)
    assert ask(client, target, **neutral).choices == plain.choices


@pytest.mark.parametrize("fields", [{}, {"n": 2, "temperature": 1, "seed": 3}, {"stop": ["."]}])
def test_logprobs_are_of_the_answer_and_the_same_in_a_stream(
    fields: dict[str, Any], client: OpenAI, target: Target
) -> None:
    asked: dict[str, Any] = {"logprobs": True, "top_logprobs": 5} | fields
    whole = ask(client, target, **asked)
    streamed: dict[int, list[Any]] = {choice.index: [] for choice in whole.choices}
    texts = dict.fromkeys(streamed, "")
    for chunk in client.chat.completions.create(
        model=target.model, messages=QUESTION, stream=True, **({"temperature": 0} | asked)
    ):
        for piece in chunk.choices:
            texts[piece.index] += piece.delta.content or ""
            streamed[piece.index] += (piece.logprobs and piece.logprobs.content) or []
            told = "".join(token.token for token in streamed[piece.index])
            assert told in texts[piece.index]
    for choice in whole.choices:
        assert choice.logprobs is not None
        tokens = choice.logprobs.content
        assert tokens
        check_logprobs(tokens, choice.message.content or "")
        assert texts[choice.index] == choice.message.content
        assert [token.token for token in streamed[choice.index]] == [t.token for t in tokens]
        pairs = zip(streamed[choice.index], tokens, strict=True)
        assert all(abs(one.logprob - two.logprob) < 0.01 for one, two in pairs)


def check_logprobs(tokens: Any, answer: str) -> None:
    """Check what must hold of every answer's logprobs."""
    assert bytes(byte for token in tokens for byte in token.bytes) in answer.encode()
    for token in tokens:
        assert -9999 <= token.logprob <= 0
        assert len(token.top_logprobs) <= 5
        tops = [top.logprob for top in token.top_logprobs]
        assert tops == sorted(tops, reverse=True)
        for top in token.top_logprobs:
            assert not TAGS.search(top.token)
            assert "<" not in top.token or top.token == token.token


def test_what_samplers_take_is_taken(client: OpenAI, target: Target) -> None:
    fields: dict[str, Any] = {
        "frequency_penalty": 1.5,
        "presence_penalty": -1.5,
        "logit_bias": {"5": -100, "7": 100},
        "extra_body": {"top_k": 5, "min_p": 0.1, "repetition_penalty": 1.2},
        "safety_identifier": "somebody",
        "prompt_cache_key": "a",
        "service_tier": "auto",
    }
    completion = ask(client, target, temperature=1, seed=1, **fields)
    assert (completion.choices[0].message.content or "").strip()
    assert completion.service_tier == "default"
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, target, logit_bias={"99999999": 1})
    assert caught.value.param == "logit_bias"


def test_legacy_completions_are_answers_alone(client: OpenAI, target: Target) -> None:
    fields: dict[str, Any] = {"model": target.model, "temperature": 0}
    prompt = QUESTION[0]["content"]
    completion = client.completions.create(prompt=[prompt, prompt], logprobs=2, **fields)
    answer = ask(client, target).choices[0].message.content
    assert [choice.text for choice in completion.choices] == [answer, answer]
    for choice in completion.choices:
        assert choice.logprobs is not None
        assert choice.logprobs.tokens
        assert all(token in choice.text for token in choice.logprobs.tokens)
    check_usage(completion.usage)


def test_errors_are_the_sdk_s_own(client: OpenAI, target: Target) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="gpt-4o", messages=QUESTION)
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as unknown:
        ask(client, target, extra_body={"thinking_budget": 3})
    assert unknown.value.param == "thinking_budget"
    with pytest.raises(openai.BadRequestError) as unsupported:
        ask(client, target, prediction={"type": "content", "content": "7"})
    assert unsupported.value.param == "prediction"
    with pytest.raises(openai.BadRequestError) as hot:
        ask(client, target, temperature=2.5)
    assert hot.value.param == "temperature"
    with pytest.raises(openai.PermissionDeniedError):
        ask(client, target, extra_body={"include_reasoning": True})
    assert all(
        error.value.request_id and error.value.type == "invalid_request_error"
        for error in (missing, unknown, unsupported, hot)
    )


def test_models_are_listed_and_retrieved(client: OpenAI, target: Target) -> None:
    assert [model.id for model in client.models.list()] == [target.model]
    assert client.models.retrieve(target.model).owned_by == "reflect"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-4o")


def test_clients_that_leave_are_forgotten_by_the_engine(target: Target) -> None:
    async def leave_midway() -> None:
        async with AsyncOpenAI(
            base_url=target.base_url,
            api_key="none",
            max_retries=0,
            timeout=WAIT_S,
            _strict_response_validation=True,
        ) as client:

            async def leave(number: int) -> None:
                stream = await client.chat.completions.create(
                    model=target.model, messages=QUESTION, n=2, seed=number, stream=True
                )
                async for _ in stream:
                    break
                await stream.close()

            await asyncio.gather(*map(leave, range(8)))
            waiting = asyncio.create_task(
                client.chat.completions.create(model=target.model, messages=QUESTION, n=2)
            )
            await asyncio.sleep(0.02)
            waiting.cancel()
            await asyncio.wait({waiting})

    asyncio.run(leave_midway())
    deadline_s = time.monotonic() + WAIT_S
    while target.num_unfinished():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
