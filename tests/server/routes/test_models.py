"""The models endpoints name the one model that is served."""

from __future__ import annotations

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
