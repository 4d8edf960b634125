"""The models endpoints name the one model that is served."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from server.keys.policy import Policy
from server.keys.store import KeyStore
from server.settings import Settings
from tests.live import LiveServer


def test_the_served_model_is_listed_and_described(server: LiveServer) -> None:
    with server.client() as client:
        (listed,) = client.get("/v1/models").json()["data"]
        described = client.get("/v1/models/tiny").json()
    assert listed == described
    assert described["id"] == "tiny"
    assert described["object"] == "model"


def test_another_model_is_not_found(server: LiveServer) -> None:
    with server.client() as client:
        for name in ("gpt-4o", "org/name", "tiny/"):
            answer = client.get(f"/v1/models/{name}")
            assert answer.status_code == 404
            assert answer.json()["error"]["code"] == "model_not_found"


def test_a_model_says_what_the_caller_may_ask_of_it(
    make_server: Callable[..., LiveServer], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'keys.db'}"
    store = KeyStore.open(url)
    _, free = store.add("ann", Policy(may_see_reasoning=True), 100)
    limits = {"max_tokens": 100, "max_thinking_tokens": 50}
    _, bound = store.add("bob", Policy(None, "low", 50, 100), 100)
    store.close()
    server = make_server(Settings(keys_url=url))

    def entry(key: str) -> dict[str, object]:
        with server.client(authorization=f"Bearer {key}") as client:
            answer: dict[str, object] = client.get("/v1/models/tiny").json()
        return answer

    usual = {"min_reflections": 0, "max_reflections": 8, "temperature": 0.7, "top_p": 0.9}
    assert entry(free) == entry(free) | {
        "max_model_len": 4096,
        "efforts": ["none", "minimal", "low", "medium", "high", "xhigh"],
        "may_see_reasoning": True,
        "reflection_tag": "reflection",
        "defaults": usual | {"max_tokens": 4096, "max_thinking_tokens": 2048},
        "limits": {"max_tokens": None, "max_thinking_tokens": None},
    }
    assert entry(bound) == entry(bound) | {
        "efforts": ["none", "minimal", "low"],
        "may_see_reasoning": False,
        "reflection_tag": None,
        "defaults": usual | limits,
        "limits": limits,
    }


def test_a_highest_effort_limits_the_thinking_that_is_told(
    make_server: Callable[..., LiveServer], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'keys.db'}"
    store = KeyStore.open(url)
    _, key = store.add("ann", Policy(max_effort="low"), 100)
    store.close()
    server = make_server(Settings(keys_url=url))
    limit = server.model.bundle.efforts["low"]
    with server.client(authorization=f"Bearer {key}") as client:
        described = client.get("/v1/models/tiny").json()
    assert described["limits"]["max_thinking_tokens"] == limit
    assert described["defaults"]["max_thinking_tokens"] == limit
