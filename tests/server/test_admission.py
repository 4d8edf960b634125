"""Every request comes into the engine under its key's name and limits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.keys.policy import Policy
from server.keys.store import KeyStore
from server.settings import Settings
from tests.live import LiveServer

CHAT: Any = {"model": "tiny", "messages": [{"role": "user", "content": "hello"}]}
URL = "/v1/chat/completions"


@pytest.fixture
def serve(make_server: Callable[..., LiveServer], tmp_path: Path) -> Callable[..., Any]:
    """Start a server with one key for each policy, and return it with the keys."""

    def start(*policies: Policy) -> tuple[LiveServer, list[str]]:
        url = f"sqlite:///{tmp_path / 'keys.db'}"
        store = KeyStore.open(url)
        keys = [store.add("ann", policy, 100)[1] for policy in policies]
        store.close()
        return make_server(Settings(keys_url=url)), keys

    return start


def post(server: LiveServer, key: str, **fields: Any) -> Any:
    with server.client(authorization=f"Bearer {key}") as client:
        return client.post(URL, json=CHAT | fields)


def test_keys_share_nothing_that_the_engine_remembers(serve: Callable[..., Any]) -> None:
    server, (ann, bob) = serve(Policy(), Policy())
    for key in (ann, bob, ann):
        assert post(server, key).status_code == 200
    first, other, again = (call.cache_salt for call in server.engine.calls)
    assert first == again
    assert None not in (first, other)
    assert first != other


def test_a_key_sees_and_uses_its_models_alone(serve: Callable[..., Any]) -> None:
    server, (ann, bob) = serve(Policy(models=frozenset({"tiny"})), Policy(models=frozenset({"x"})))
    with server.client(authorization=f"Bearer {bob}") as client:
        assert client.get("/v1/models").json()["data"] == []
        assert client.get("/v1/models/tiny").status_code == 404
        assert client.post(URL, json=CHAT).json()["error"]["code"] == "model_not_found"
    with server.client(authorization=f"Bearer {ann}") as client:
        assert [model["id"] for model in client.get("/v1/models").json()["data"]] == ["tiny"]
        assert client.get("/v1/models/tiny").status_code == 200
        assert client.post(URL, json=CHAT).status_code == 200


def test_the_limits_of_a_key_reach_the_engine(serve: Callable[..., Any]) -> None:
    server, (ann,) = serve(Policy(max_tokens=60, max_thinking_tokens=7))
    post(server, ann)
    (call,) = server.engine.calls
    assert call.sampling.max_tokens == 60
    assert call.budget.max_thinking_tokens == 7
    assert post(server, ann, max_tokens=61).status_code == 403


def test_only_a_key_that_may_sees_the_reasoning_and_only_where_it_asks(
    serve: Callable[..., Any],
) -> None:
    server, (ann, bob) = serve(Policy(may_see_reasoning=True), Policy())
    server.say("7", "a planted thought")
    assert "planted" in post(server, ann, include_reasoning=True).text
    assert "planted" not in post(server, ann).text
    answer = post(server, bob, include_reasoning=True)
    assert answer.status_code == 403
    assert answer.json()["error"]["param"] == "include_reasoning"
    assert "planted" not in answer.text
