"""POST /v1/completions over a real socket: prompts in, answers out, nothing of what is hidden."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI

from server.errors import EngineError
from server.keys.policy import Keys, Policy
from server.keys.store import KeyStore
from server.settings import Settings
from tests.fakes import Call, Script
from tests.live import LiveServer

URL = "/v1/completions"
THOUGHTS = "Let me count.\n<reflection>\nWait, planted.\n</reflection>\nDone."
KEY = "a-key-of-sixteen-or-more"


@pytest.fixture
def client(server: LiveServer, request: pytest.FixtureRequest) -> Iterator[OpenAI]:
    """The SDK, strict but for streams: in its types no chunk may be without a finish reason."""
    is_stream = "[True]" in request.node.name
    with OpenAI(
        base_url=server.base_url,
        api_key="none",
        max_retries=0,
        _strict_response_validation=not is_stream,
    ) as client:
        yield client


def parrot(server: LiveServer) -> None:
    """Let every prompt be answered with itself."""

    def script(call: Call) -> Script:
        model = server.model
        text = model.vocabulary.decode(call.prompt_token_ids).decode()
        said = text.partition("user\n\n")[2].partition("assistant")[0]
        return server.script(f"re: {said}", THOUGHTS)

    server.say_by(script)


def test_a_prompt_is_what_a_user_says_in_a_chat(server: LiveServer, client: OpenAI) -> None:
    server.say("7 apples", THOUGHTS)
    completion = client.completions.create(model="tiny", prompt="How many?", max_tokens=900)
    client.chat.completions.create(
        model="tiny", messages=[{"role": "user", "content": "How many?"}], max_tokens=900
    )
    (choice,) = completion.choices
    assert (choice.text, choice.finish_reason, choice.logprobs) == ("7 apples", "stop", None)
    assert completion.id.startswith("cmpl-")
    assert completion.object == "text_completion"
    first, second = server.engine.calls
    assert first.prompt_token_ids == second.prompt_token_ids
    assert first.budget == second.budget
    assert completion.usage is not None
    assert completion.usage.prompt_tokens == len(first.prompt_token_ids)
    assert "planted" not in completion.model_dump_json()


@pytest.mark.parametrize("stream", [False, True])
def test_several_prompts_are_numbered_one_after_the_other(
    stream: bool, server: LiveServer, client: OpenAI
) -> None:
    parrot(server)
    fields: dict[str, Any] = {"model": "tiny", "prompt": ["one", "two"], "n": 2, "seed": 5}
    if stream:
        texts = dict.fromkeys(range(4), "")
        reasons = []
        options: Any = {"include_usage": True}
        for chunk in client.completions.create(**fields, stream=True, stream_options=options):
            for piece in chunk.choices:
                texts[piece.index] += piece.text
                reasons += [piece.finish_reason] if piece.finish_reason else []
        assert reasons == ["stop"] * 4
        usage = chunk.usage
    else:
        completion = client.completions.create(**fields, best_of=2)
        texts = {choice.index: choice.text for choice in completion.choices}
        usage = completion.usage
    assert texts == {0: "re: one", 1: "re: one", 2: "re: two", 3: "re: two"}
    assert usage is not None
    assert len(server.engine.calls) == 4
    prompts = {call.prompt_token_ids for call in server.engine.calls}
    assert usage.prompt_tokens == sum(map(len, prompts))


def test_token_ids_are_read_as_the_text_they_stand_for(server: LiveServer, client: OpenAI) -> None:
    parrot(server)
    one, two = ([*server.model.prompter.encode(text)] for text in ("7 apples", "a café"))
    control = server.model.bundle.stop_token_ids[0]
    assert client.completions.create(model="tiny", prompt=one).choices[0].text == "re: 7 apples"
    answer = client.completions.create(model="tiny", prompt=[one, [control, *two]])
    assert [choice.text for choice in answer.choices] == ["re: 7 apples", "re: a café"]
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(model="tiny", prompt=[10**6])
    assert caught.value.param == "prompt"


@pytest.mark.parametrize("stream", [False, True])
def test_echo_puts_the_prompt_before_the_answer(
    stream: bool, server: LiveServer, client: OpenAI
) -> None:
    fields: dict[str, Any] = {"model": "tiny", "prompt": ["a ", "b "], "echo": True}
    if stream:
        texts = {0: "", 1: ""}
        for chunk in client.completions.create(**fields, stream=True):
            texts[chunk.choices[0].index] += chunk.choices[0].text
    else:
        choices = client.completions.create(**fields).choices
        texts = {choice.index: choice.text for choice in choices}
    assert texts == {0: "a 7 apples", 1: "b 7 apples"}


@pytest.mark.parametrize("stream", [False, True])
def test_logprobs_are_of_the_answer_s_tokens(
    stream: bool, server: LiveServer, client: OpenAI
) -> None:
    server.say("a café 🙂.", THOUGHTS)
    fields: dict[str, Any] = {"model": "tiny", "prompt": "Hi", "logprobs": 2}
    text, tokens, logprobs, tops, offsets = "", [], [], [], []
    pieces: list[Any] = []
    if stream:
        for chunk in client.completions.create(**fields, stream=True):
            pieces += chunk.choices
    else:
        pieces = list(client.completions.create(**fields).choices)
    for piece in pieces:
        text += piece.text
        if piece.logprobs is not None:
            tokens += piece.logprobs.tokens
            logprobs += piece.logprobs.token_logprobs
            tops += piece.logprobs.top_logprobs
            offsets += piece.logprobs.text_offset
    assert text == "a café 🙂."
    assert len(tokens) == len(logprobs) == len(tops) == len(offsets) > 2
    for token, logprob, top, offset in zip(tokens, logprobs, tops, offsets, strict=True):
        assert top[token] == logprob
        assert len(top) <= 3
        assert token.startswith("bytes:") or text[offset:].startswith(token)
    assert offsets == sorted(offsets)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": []}, "prompt"),
        ({"prompt": [[]]}, "prompt"),
        ({"prompt": ["a", 7]}, "prompt"),
        ({"prompt": True}, "prompt"),
        ({"prompt": [-1]}, "prompt"),
        ({"prompt": ["a"] * 65}, "prompt"),
        ({"prompt": ["a"] * 33, "n": 2}, "n"),
        ({}, "prompt"),
        ({"prompt": "a" * 40_000}, "prompt"),
        ({"prompt": "a", "suffix": "b"}, "suffix"),
        ({"prompt": "a", "best_of": 2}, "best_of"),
        ({"prompt": "a", "echo": True, "logprobs": 1}, "logprobs"),
        ({"prompt": "a", "logprobs": 21}, "logprobs"),
        ({"prompt": "a", "max_tokens": 3}, "max_tokens"),
        ({"prompt": "a", "max_tokens": 0}, "max_tokens"),
        ({"prompt": "a", "prompt_logprobs": 1}, "prompt_logprobs"),
        ({"prompt": "a", "include_reasoning": True}, "include_reasoning"),
        ({"prompt": "a", "n": 99}, "n"),
        ({"prompt": "a", "logit_bias": {"999999": 1}}, "logit_bias"),
        ({"prompt": "a", "stream_options": {"include_usage": True}}, "stream_options"),
    ],
)
def test_what_is_wrong_is_named_as_it_is_called_here(
    fields: dict[str, Any], param: str, server: LiveServer
) -> None:
    with server.client() as client:
        answer = client.post(URL, json={"model": "tiny"} | fields)
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert error["param"] == param
    assert "messages'" not in error["message"]


def test_a_failing_prompt_fails_the_request_and_ends_the_others(server: LiveServer) -> None:
    def script(call: Call) -> Script:
        is_first = call.request_id.endswith("-0-0")
        broken = {"error": EngineError("broken"), "fail_after": 3} if is_first else {"delay_s": 10}
        return server.script("7", **broken)

    server.say_by(script)
    with server.client() as client:
        answer = client.post(URL, json={"model": "tiny", "prompt": ["a", "b"]})
    assert answer.status_code == 500
    server.wait_until(lambda: server.num_unfinished == 0)


def test_an_engine_that_fails_midway_ends_a_stream_with_an_error(server: LiveServer) -> None:
    size = len(server.script("one two").token_ids)
    server.say("one two", error=EngineError("broken"), fail_after=size - 4)
    with server.client() as client:
        answer = client.post(URL, json={"model": "tiny", "prompt": "a", "stream": True})
    *_, last = [line[6:] for line in answer.text.split("\n") if line.startswith("data: ")]
    assert json.loads(last)["error"]["message"] == "broken"


def test_a_stream_tells_progress_budgets_and_usage_where_asked(server: LiveServer) -> None:
    server.say("7", THOUGHTS, delay_s=0.01)
    size = len(server.script("7", THOUGHTS).token_ids)
    options = {"include_progress": True, "include_usage": True}
    least = {"min_answer_tokens": 1}
    body = {"model": "tiny", "prompt": ["a", "b"], "max_tokens": size, "reflection": least}
    with server.client() as client:
        answer = client.post(URL, json=body | {"stream": True, "stream_options": options})
    lines = [line[6:] for line in answer.text.split("\n") if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    chunks = [json.loads(line) for line in lines]
    assert any(chunk.get("progress", {}).get("section") == "output" for chunk in chunks)
    ends = [c for chunk in chunks for c in chunk["choices"] if c["finish_reason"]]
    assert [end["budget_hits"] for end in ends] == [["answer"], ["answer"]]
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == 2 * size
    assert all(chunk["usage"] is None for chunk in chunks[:-1])
    assert "planted" not in answer.text


def test_a_client_that_leaves_is_forgotten_by_the_engine(server: LiveServer) -> None:
    server.say("7", delay_s=10)
    with (
        server.client() as client,
        client.stream("POST", URL, json={"model": "tiny", "prompt": ["a", "b"], "stream": True}),
    ):
        pass
    server.wait_until(lambda: server.num_unfinished == 0)
    assert len(server.engine.aborted) == 2


def test_constraints_and_budgets_are_those_of_a_chat(server: LiveServer) -> None:
    server.say("7 apples")
    body = {"model": "tiny", "prompt": "a", "structured_outputs": {"choice": ["7 apples"]}}
    with server.client() as client:
        answer = client.post(URL, json=body | {"reasoning_effort": "low"})
    assert answer.json()["choices"][0]["text"] == "7 apples"
    (call,) = server.engine.calls
    assert call.constraint is not None
    assert call.budget is not None
    assert call.budget.max_thinking_tokens == 512


def test_a_key_is_needed_where_keys_are(make_server: Callable[..., LiveServer]) -> None:
    server = make_server(Settings(keys=Keys.load(KEY, None)))
    paths: dict[str, dict[str, Any]] = {
        URL: {"prompt": "a"},
        "/tokenize": {"prompt": "a"},
        "/detokenize": {"tokens": [1]},
    }
    for path, body in paths.items():
        for headers, status in (({}, 401), ({"Authorization": f"Bearer {KEY}"}, 200)):
            with server.client(**headers) as client:
                answer = client.post(path, json={"model": "tiny"} | body)
            assert answer.status_code == status


def test_the_prompts_of_a_request_count_as_requests(
    make_server: Callable[..., LiveServer], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'keys.db'}"
    store = KeyStore.open(url)
    _, key = store.add("ann", Policy(requests_per_minute=5), 100)
    store.close()
    server = make_server(Settings(keys_url=url))
    with server.client(authorization=f"Bearer {key}") as client:
        answers = [
            client.post("/v1/completions", json={"model": "tiny", "prompt": ["a", "b", "c"]})
            for _ in range(2)
        ]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert [a.headers["x-ratelimit-remaining-requests"] for a in answers] == ["2", "1"]
    assert answers[1].headers["retry-after"]


def test_more_prompts_than_a_key_may_have_answered_at_once_are_refused_for_good(
    make_server: Callable[..., LiveServer], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'keys.db'}"
    store = KeyStore.open(url)
    _, key = store.add("ann", Policy(max_parallel=2), 100)
    store.close()
    server = make_server(Settings(keys_url=url))
    body = {"model": "tiny", "prompt": ["a", "b", "c"]}
    with server.client(authorization=f"Bearer {key}") as client:
        answer = client.post("/v1/completions", json=body)
        assert client.post("/v1/completions", json=body | {"prompt": ["a", "b"]}).is_success
    assert (answer.status_code, answer.json()["error"]["param"]) == (403, "prompt")
    assert "Retry-After" not in answer.headers
