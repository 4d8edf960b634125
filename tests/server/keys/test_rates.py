"""A key's rates are kept to, told in headers, and settled with what was used."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from server.errors import TooManyRequests, TooManyTokens
from server.keys.policy import Caller, Policy
from server.keys.rates import Rates
from server.keys.store import KeyStore
from server.settings import Settings
from tests.live import LiveServer

CHAT: Any = {"model": "tiny", "messages": [{"role": "user", "content": "hello"}]}
URL = "/v1/chat/completions"


def caller(id: str = "key_a", **limits: int) -> Caller:
    return Caller(id, Policy(**limits))  # type: ignore[arg-type]


def left(rates: Rates, of: Caller) -> dict[str, int]:
    headers = {name.decode(): value.decode() for name, value in rates.headers(of)}
    prefix = "x-ratelimit-remaining-"
    return {k.removeprefix(prefix): int(v) for k, v in headers.items() if k.startswith(prefix)}


def test_requests_are_counted_by_key() -> None:
    rates, ann, bob = Rates(), caller(requests_per_minute=2), caller("b", requests_per_minute=1)
    for of in (ann, ann, bob):
        rates.take_request(of)
    for of in (ann, bob):
        with pytest.raises(TooManyRequests) as refusal:
            rates.take_request(of)
        assert refusal.value.retry_after_s is not None
        assert 1 <= refusal.value.retry_after_s <= 60
    assert left(rates, ann) == {"requests": 0}


def test_each_prompt_of_a_request_counts_as_a_request() -> None:
    rates, ann = Rates(), caller(requests_per_minute=5)
    rates.take_request(ann)
    rates.take_prompts(ann, 4)
    assert left(rates, ann) == {"requests": 1}
    rates.take_request(ann)
    with pytest.raises(TooManyRequests, match="Try again later") as later:
        rates.take_prompts(ann, 2)
    assert later.value.retry_after_s is not None
    with pytest.raises(TooManyRequests, match="6 prompts") as never:
        rates.take_prompts(ann, 6)
    assert never.value.retry_after_s is None
    assert left(rates, ann) == {"requests": 0}


def test_a_key_without_limits_is_never_refused_and_told_nothing() -> None:
    rates, ann = Rates(), caller()
    for _ in range(1000):
        rates.take_request(ann)
        rates.take_prompts(ann, 64)
        rates.begin(ann).reserve(10**6, 10**6, is_asked=True)
    assert rates.headers(ann) == []


def test_tokens_are_reserved_and_what_was_not_used_is_given_back() -> None:
    rates, ann = Rates(), caller(tokens_per_minute=100)
    allotment = rates.begin(ann)
    allotment.reserve(10, 50, is_asked=True)
    assert left(rates, ann) == {"tokens": 40}
    with pytest.raises(TooManyTokens, match="40 left, 60 requested"):
        rates.begin(ann).reserve(10, 50, is_asked=True)
    allotment.end(15)
    allotment.end(15)
    assert left(rates, ann) == {"tokens": 85}
    rates.begin(ann).reserve(10, 50, is_asked=True)


def test_when_no_token_is_left_nothing_is_begun() -> None:
    rates, ann = Rates(), caller(tokens_per_minute=100)
    allotment = rates.begin(ann)
    allotment.reserve(50, 50, is_asked=True)
    with pytest.raises(TooManyTokens):
        rates.begin(ann)
    allotment.end(100)


def test_more_than_the_whole_limit_is_refused_for_good_only_if_it_was_asked_for() -> None:
    rates, ann = Rates(), caller(tokens_per_minute=100)
    with pytest.raises(TooManyTokens, match="too large") as refusal:
        rates.begin(ann).reserve(10, 91, is_asked=True)
    assert refusal.value.retry_after_s is None
    with pytest.raises(TooManyTokens, match="too large"):
        rates.begin(ann).reserve(101, 1, is_asked=False)
    allotment = rates.begin(ann)
    allotment.reserve(10, 4000, is_asked=False)
    assert left(rates, ann) == {"tokens": 45}
    other = rates.begin(ann)
    other.reserve(10, 4000, is_asked=False)
    assert left(rates, ann) == {"tokens": 18}
    for each in (allotment, other):
        each.end(30)
    assert left(rates, ann) == {"tokens": 40}


def test_an_answer_that_cost_more_than_the_limit_is_counted_in_full() -> None:
    rates, ann = Rates(), caller(tokens_per_minute=100)
    allotment = rates.begin(ann)
    allotment.reserve(10, 4000, is_asked=False)
    allotment.end(150)
    assert left(rates, ann) == {"tokens": 0}


def test_no_more_requests_are_answered_at_once_than_the_key_may() -> None:
    rates, ann = Rates(), caller(max_parallel=2)
    first, second = rates.begin(ann), rates.begin(ann)
    with pytest.raises(TooManyRequests, match="2 requests at once"):
        rates.begin(ann)
    rates.begin(caller("b", max_parallel=2)).end()
    first.end()
    third = rates.begin(ann)
    for allotment in (second, third):
        allotment.end()


def test_what_is_dropped_without_an_end_takes_nothing() -> None:
    rates, ann = Rates(), caller(max_parallel=1, tokens_per_minute=100)
    for _ in range(3):
        rates.begin(ann).reserve(10, 90, is_asked=True)
    assert left(rates, ann) == {"tokens": 100}


@pytest.fixture
def limited(
    make_server: Callable[..., LiveServer], tmp_path: Path
) -> Callable[..., tuple[LiveServer, str]]:
    """Start a server with one key of these limits, and return it with the key."""

    def start(*, window_s: int = 60, **limits: Any) -> tuple[LiveServer, str]:
        url = f"sqlite:///{tmp_path / 'keys.db'}"
        store = KeyStore.open(url)
        _, secret = store.add("ann", Policy(**limits), 100)
        store.close()
        return make_server(Settings(keys_url=url, rate_window_s=window_s)), secret

    return start


def post(server: LiveServer, key: str, **fields: Any) -> httpx.Response:
    with server.client(authorization=f"Bearer {key}") as client:
        return client.post(URL, json=CHAT | fields)


@pytest.mark.parametrize("fields", [{}, {"stream": True}, {"n": 99}])
def test_every_answer_of_a_limited_key_tells_what_is_left(
    fields: dict, limited: Callable[..., tuple[LiveServer, str]]
) -> None:
    server, key = limited(requests_per_minute=5, tokens_per_minute=5000)
    headers = post(server, key, **fields).headers
    assert headers["x-ratelimit-limit-requests"] == "5"
    assert headers["x-ratelimit-remaining-requests"] == "4"
    assert headers["x-ratelimit-limit-tokens"] == "5000"
    assert 0 <= int(headers["x-ratelimit-remaining-tokens"]) <= 5000
    for what in ("requests", "tokens"):
        assert re.fullmatch(r"(\d+m)?\d+s|\d+ms", headers[f"x-ratelimit-reset-{what}"])


def test_the_request_over_the_limit_gets_openais_answer(
    limited: Callable[..., tuple[LiveServer, str]],
) -> None:
    server, key = limited(requests_per_minute=2)
    assert [post(server, key).status_code for _ in range(2)] == [200, 200]
    answer = post(server, key)
    assert answer.status_code == 429
    assert answer.json()["error"]["type"] == "requests"
    assert answer.json()["error"]["code"] == "rate_limit_exceeded"
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert answer.headers["x-ratelimit-remaining-requests"] == "0"
    with server.client(authorization=f"Bearer {key}") as client:
        assert client.get("/v1/models").status_code == 200
        assert 'outcome="rate_limited"} 1.0' in client.get("/metrics").text
    assert len(server.engine.calls) == 2


def test_used_tokens_are_what_counts_in_the_end(
    limited: Callable[..., tuple[LiveServer, str]],
) -> None:
    server, key = limited(tokens_per_minute=5000)
    used = 0
    for fields in ({"max_tokens": 2000}, {"n": 2}, {}):
        used += post(server, key, **fields).json()["usage"]["total_tokens"]
    with server.client(authorization=f"Bearer {key}") as client:
        headers = client.get("/v1/models").headers
    assert int(headers["x-ratelimit-remaining-tokens"]) == 5000 - used


def test_a_client_that_leaves_gives_back_what_it_did_not_use(
    limited: Callable[..., tuple[LiveServer, str]],
) -> None:
    server, key = limited(tokens_per_minute=5000, max_parallel=1)
    server.engine.is_paused = True
    with (
        server.client(authorization=f"Bearer {key}") as client,
        client.stream("POST", URL, json=CHAT | {"stream": True}) as response,
    ):
        assert int(response.headers["x-ratelimit-remaining-tokens"]) < 3000
        assert post(server, key).status_code == 429
    server.wait_until(lambda: server.num_unfinished == 0)
    server.engine.is_paused = False
    server.wait_until(lambda: post(server, key, max_tokens=4500).status_code == 200)


def test_the_sdk_waits_as_it_is_told_and_then_gets_its_answer(
    limited: Callable[..., tuple[LiveServer, str]],
) -> None:
    server, key = limited(window_s=2, requests_per_minute=1)
    client = OpenAI(base_url=server.base_url, api_key=key, _strict_response_validation=True)
    with client:
        create = client.chat.completions.with_raw_response.create
        assert create(**CHAT).retries_taken == 0
        answer = create(**CHAT)
        assert answer.retries_taken == 1
        assert answer.parse().choices[0].message.content == "I do not know."
    assert len(server.engine.calls) == 2


def test_the_sdk_does_not_try_again_what_never_can_be(
    limited: Callable[..., tuple[LiveServer, str]],
) -> None:
    server, key = limited(tokens_per_minute=100, requests_per_minute=10)
    with (
        OpenAI(base_url=server.base_url, api_key=key) as client,
        pytest.raises(openai.RateLimitError) as refusal,
    ):
        client.chat.completions.create(**CHAT, max_completion_tokens=200)
    assert refusal.value.response.headers["x-ratelimit-remaining-requests"] == "9"
    assert refusal.value.type == "tokens"
    assert server.engine.calls == []
