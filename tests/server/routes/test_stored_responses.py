"""Responses that are asked for again: retrieved, continued, listed, deleted, in the background."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from server.keys.policy import Keys
from server.settings import Settings
from tests.live import LiveServer

HELLO = {"model": "tiny", "input": "Hello"}
ALICE, BOB = "alice-has-a-long-key", "bob-has-a-long-key-too"
END = ("completed", "incomplete", "failed", "cancelled")


@pytest.fixture
def client(server: LiveServer) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def create(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    answer = client.post("/v1/responses", json=HELLO | fields)
    assert answer.status_code == 200, answer.text
    response: dict[str, Any] = answer.json()
    return response


def read(client: httpx.Client, id: str) -> dict[str, Any]:
    response: dict[str, Any] = client.get(f"/v1/responses/{id}").json()
    return response


def events(text: str) -> list[dict[str, Any]]:
    lines = [line for line in text.splitlines() if line.startswith("data: ")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def wait_for_end(server: LiveServer, client: httpx.Client, id: str) -> dict[str, Any]:
    server.wait_until(lambda: read(client, id)["status"] in END)
    return read(client, id)


def test_a_response_is_stored_as_it_was_told(client: httpx.Client) -> None:
    response = create(client)
    assert read(client, response["id"]) == response


def test_a_streamed_response_is_stored_before_its_last_event(client: httpx.Client) -> None:
    with client.stream("POST", "/v1/responses", json=HELLO | {"stream": True}) as answer:
        for line in answer.iter_lines():
            if line.startswith('data: {"type":"response.completed"'):
                told = json.loads(line.removeprefix("data: "))["response"]
                with httpx.Client(base_url=client.base_url, trust_env=False) as other:
                    assert read(other, told["id"]) == told
                return
    raise AssertionError("there was no last event")


def test_a_response_that_must_not_be_stored_is_not(client: httpx.Client) -> None:
    response = create(client, store=False)
    assert response["store"] is False
    assert client.get(f"/v1/responses/{response['id']}").status_code == 404


@pytest.mark.parametrize("id", ["resp_0", "%00", "resp_" + "0" * 48, "x" * 500])
@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items")]
)
def test_what_was_never_there_is_a_404(
    method: str, path: str, id: str, client: httpx.Client
) -> None:
    answer = client.request(method, f"/v1/responses/{id}{path}")
    assert answer.status_code == 404
    assert answer.json()["error"]["param"] == "id"


def test_what_is_deleted_is_gone(client: httpx.Client) -> None:
    id = create(client)["id"]
    deleted = client.delete(f"/v1/responses/{id}").json()
    assert deleted == {"id": id, "object": "response", "deleted": True}
    assert client.get(f"/v1/responses/{id}").status_code == 404
    assert client.delete(f"/v1/responses/{id}").status_code == 404


def test_another_key_s_response_is_as_unknown_as_none(
    make_server: Callable[..., LiveServer],
) -> None:
    server = make_server(Settings(keys=Keys.from_lines([ALICE, BOB], "test")))
    with (
        server.client(Authorization=f"Bearer {ALICE}") as alice,
        server.client(Authorization=f"Bearer {BOB}") as bob,
    ):
        id = create(alice, include=["reasoning.encrypted_content"])["id"]
        missing = bob.get("/v1/responses/resp_" + "0" * 48)
        for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/cancel")):
            refused = bob.request(method, f"/v1/responses/{id}{path}")
            assert (refused.status_code, refused.content) == (404, missing.content)
        assert bob.get(f"/v1/responses/{id}/input_items").content == missing.content
        continued = bob.post("/v1/responses", json=HELLO | {"previous_response_id": id})
        assert continued.json()["error"]["code"] == "previous_response_not_found"
        assert read(alice, id)["id"] == id


def test_a_response_is_gone_on_from_without_its_instructions(
    client: httpx.Client, server: LiveServer
) -> None:
    first = create(client, instructions="Be brief.")
    second = create(client, previous_response_id=first["id"], input="And now?")
    create(client, previous_response_id=second["id"], input="And then?")
    answer = {"role": "assistant", "content": "7 apples"}
    messages = [{"role": "user", "content": "Hello"}, answer]
    messages += [{"role": "user", "content": "And now?"}, answer]
    messages += [{"role": "user", "content": "And then?"}]
    client.post("/v1/chat/completions", json={"model": "tiny", "messages": messages})
    ours, theirs = server.engine.calls[-2:]
    assert ours.prompt_token_ids == theirs.prompt_token_ids


def test_a_conversation_outlives_its_beginning(client: httpx.Client) -> None:
    first = create(client)
    second = create(client, previous_response_id=first["id"])
    client.delete(f"/v1/responses/{first['id']}")
    third = create(client, previous_response_id=second["id"])
    items = client.get(f"/v1/responses/{third['id']}/input_items?limit=100").json()["data"]
    assert [item["type"] for item in items].count("message") == 5


def test_what_failed_is_not_gone_on_from(server: LiveServer, client: httpx.Client) -> None:
    server.say("7 apples", error=RuntimeError("planted"))
    id = create(client, background=True)["id"]
    assert wait_for_end(server, client, id)["status"] == "failed"
    answer = client.post("/v1/responses", json=HELLO | {"previous_response_id": id})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "previous_response_id"


def test_input_items_come_in_pages(client: httpx.Client) -> None:
    turns = [{"role": "user", "content": str(number)} for number in range(5)]
    path = f"/v1/responses/{create(client, input=turns)['id']}/input_items"
    newest = client.get(path).json()
    assert [item["content"][0]["text"] for item in newest["data"]] == ["4", "3", "2", "1", "0"]
    assert not newest["has_more"]
    seen, query = [], "limit=2&order=asc"
    while True:
        page = client.get(f"{path}?{query}").json()
        seen += [item["content"][0]["text"] for item in page["data"]]
        query = f"limit=2&order=asc&after={page['last_id']}"
        if not page["has_more"]:
            break
    assert seen == ["0", "1", "2", "3", "4"]
    empty = client.get(path, params={"after": newest["data"][-1]["id"]}).json()
    assert (empty["data"], empty["has_more"]) == ([], False)


@pytest.mark.parametrize(
    ("query", "param"),
    [("limit=0", "limit"), ("limit=101", "limit"), ("order=up", "order"), ("after=x", "after")],
)
def test_a_page_that_cannot_be_is_refused(query: str, param: str, client: httpx.Client) -> None:
    answer = client.get(f"/v1/responses/{create(client)['id']}/input_items?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_a_background_response_goes_on_without_its_client(
    server: LiveServer, client: httpx.Client
) -> None:
    server.say("7 apples", delay_s=0.005)
    response = create(client, background=True)
    assert (response["status"], response["output"]) == ("queued", [])
    assert "usage" not in response
    done = wait_for_end(server, client, response["id"])
    assert done["status"] == "completed"
    assert done["output"][-1]["content"][0]["text"] == "7 apples"
    assert done["usage"]["output_tokens"] > 0


def test_a_background_response_is_queued_until_the_engine_begins(
    server: LiveServer, client: httpx.Client
) -> None:
    server.engine.is_paused = True
    id = create(client, background=True)["id"]
    server.wait_until(lambda: server.num_unfinished == 1)
    assert read(client, id)["status"] == "queued"
    server.say("7 apples", delay_s=0.05)
    server.engine.is_paused = False
    server.wait_until(lambda: read(client, id)["status"] != "queued")
    assert wait_for_end(server, client, id)["status"] == "completed"


def test_a_background_response_is_cancelled_once(server: LiveServer, client: httpx.Client) -> None:
    server.engine.is_paused = True
    id = create(client, background=True)["id"]
    server.wait_until(lambda: server.num_unfinished == 1)
    cancelled = client.post(f"/v1/responses/{id}/cancel").json()
    server.engine.is_paused = False
    assert cancelled["status"] == "cancelled"
    assert server.num_unfinished == 0
    assert client.post(f"/v1/responses/{id}/cancel").json() == cancelled
    assert read(client, id) == cancelled


def test_only_what_is_in_the_background_is_cancelled(
    server: LiveServer, client: httpx.Client
) -> None:
    refused = client.post(f"/v1/responses/{create(client)['id']}/cancel")
    assert refused.status_code == 400
    id = create(client, background=True)["id"]
    done = wait_for_end(server, client, id)
    assert client.post(f"/v1/responses/{id}/cancel").json() == done


def test_deleting_a_background_response_ends_it(server: LiveServer, client: httpx.Client) -> None:
    server.engine.is_paused = True
    id = create(client, background=True)["id"]
    server.wait_until(lambda: server.num_unfinished == 1)
    assert client.delete(f"/v1/responses/{id}").status_code == 200
    server.engine.is_paused = False
    assert server.num_unfinished == 0
    assert client.get(f"/v1/responses/{id}").status_code == 404


def test_the_events_of_a_background_response_are_the_same_now_and_later(
    server: LiveServer, client: httpx.Client
) -> None:
    server.say("7 apples and more", delay_s=0.005)
    streamed = events(
        client.post("/v1/responses", json=HELLO | {"background": True, "stream": True}).text
    )
    names = [event["type"].removeprefix("response.") for event in streamed]
    assert names[:3] == ["created", "queued", "in_progress"]
    assert names[-1] == "completed"
    assert [event["sequence_number"] for event in streamed] == list(range(len(streamed)))
    id = streamed[0]["response"]["id"]
    path = f"/v1/responses/{id}"
    assert events(client.get(path, params={"stream": True}).text) == streamed
    for after in range(-1, len(streamed)):
        again = client.get(path, params={"stream": True, "starting_after": after})
        assert events(again.text) == streamed[after + 1 :]


def test_a_background_response_is_followed_while_it_is_written(
    server: LiveServer, client: httpx.Client
) -> None:
    server.engine.is_paused = True
    id = create(client, background=True)["id"]
    with client.stream("GET", f"/v1/responses/{id}?stream=true&starting_after=0") as answer:
        lines = answer.iter_lines()
        assert next(lines) == "event: response.queued"
        server.engine.is_paused = False
        rest = "\n".join(lines)
    names = [event["type"] for event in events(rest)]
    assert names[1] == "response.in_progress"
    assert names[-1] == "response.completed"


def test_who_follows_a_response_is_told_that_it_was_cancelled(
    server: LiveServer, client: httpx.Client
) -> None:
    server.engine.is_paused = True
    id = create(client, background=True)["id"]
    with client.stream("GET", f"/v1/responses/{id}?stream=true") as answer:
        lines = answer.iter_lines()
        next(lines)
        with server.client() as other:
            other.post(f"/v1/responses/{id}/cancel")
        last = events("\n".join(lines))[-1]
    server.engine.is_paused = False
    assert (last["type"], last["code"]) == ("error", "cancelled")


def test_a_client_that_stops_following_ends_nothing(
    server: LiveServer, client: httpx.Client
) -> None:
    server.engine.is_paused = True
    with client.stream(
        "POST", "/v1/responses", json=HELLO | {"background": True, "stream": True}
    ) as answer:
        first = next(line for line in answer.iter_lines() if line.startswith("data: "))
    id = json.loads(first.removeprefix("data: "))["response"]["id"]
    server.engine.is_paused = False
    assert wait_for_end(server, client, id)["status"] == "completed"


def test_only_background_responses_have_events_to_follow(client: httpx.Client) -> None:
    refused = client.get(f"/v1/responses/{create(client)['id']}?stream=true")
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "stream"


def test_too_many_background_responses_are_refused(
    make_server: Callable[..., LiveServer],
) -> None:
    server = make_server(Settings(max_background=2))
    server.engine.is_paused = True
    with server.client() as client:
        ids = [create(client, background=True)["id"] for _ in range(2)]
        refused = client.post("/v1/responses", json=HELLO | {"background": True})
        assert refused.status_code == 503
        assert refused.headers["retry-after"]
        server.engine.is_paused = False
        for id in ids:
            assert wait_for_end(server, client, id)["status"] == "completed"


def test_background_responses_that_come_at_once_are_not_more_than_may_be(
    make_server: Callable[..., LiveServer],
) -> None:
    server = make_server(Settings(max_background=2))
    server.engine.is_paused = True

    def post(_: int) -> int:
        with server.client() as client:
            return client.post("/v1/responses", json=HELLO | {"background": True}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(post, range(8))) == [200] * 2 + [503] * 6
    server.engine.is_paused = False


def test_a_background_request_that_is_refused_takes_no_place(
    make_server: Callable[..., LiveServer],
) -> None:
    server = make_server(Settings(max_background=1))
    with server.client() as client:
        for fields in ({"model": "x" * 9}, {"temperature": 1, "max_output_tokens": 1}):
            wrong = client.post("/v1/responses", json=HELLO | {"background": True} | fields)
            assert wrong.status_code in (400, 404)
        first = create(client, background=True)
        assert wait_for_end(server, client, first["id"])["status"] == "completed"
        server.wait_until(lambda: server.service.in_flight.count == 0)
        create(client, background=True)


def test_no_key_takes_all_of_the_places_in_the_background(
    make_server: Callable[..., LiveServer],
) -> None:
    keys = Keys.from_lines([ALICE, BOB], "test")
    server = make_server(Settings(keys=keys, max_background=3, max_background_per_key=2))
    server.engine.is_paused = True
    with (
        server.client(Authorization=f"Bearer {ALICE}") as alice,
        server.client(Authorization=f"Bearer {BOB}") as bob,
    ):
        for _ in range(2):
            create(alice, background=True)
        refused = alice.post("/v1/responses", json=HELLO | {"background": True})
        assert refused.status_code == 429
        assert refused.headers["retry-after"]
        create(bob, background=True)
    server.engine.is_paused = False


def test_a_cancellation_through_another_server_is_noticed(
    make_server: Callable[..., LiveServer], database_url: str
) -> None:
    if database_url == "sqlite://":
        pytest.skip("a database in memory is one server's")
    settings = Settings(responses_url=database_url, response_lease_s=0.3)
    writer, other = make_server(settings), make_server(settings)
    writer.engine.is_paused = True
    with writer.client() as client, other.client() as elsewhere:
        id = create(client, background=True)["id"]
        writer.wait_until(lambda: writer.num_unfinished == 1)
        assert elsewhere.post(f"/v1/responses/{id}/cancel").json()["status"] == "cancelled"
        writer.wait_until(lambda: writer.num_unfinished == 0)
        assert read(client, id)["status"] == "cancelled"
    writer.engine.is_paused = False


def test_sealed_reasoning_goes_back_to_its_key_alone(
    make_server: Callable[..., LiveServer],
) -> None:
    server = make_server(Settings(keys=Keys.from_lines([ALICE, BOB], "test")))
    body = HELLO | {"include": ["reasoning.encrypted_content"], "store": False}
    with (
        server.client(Authorization=f"Bearer {ALICE}") as alice,
        server.client(Authorization=f"Bearer {BOB}") as bob,
    ):
        reasoning, message = alice.post("/v1/responses", json=body).json()["output"]
        assert len(reasoning["encrypted_content"]) < 200
        turns = [{"role": "user", "content": "a"}, reasoning, message]
        again = body | {"input": [*turns, {"role": "user", "content": "b"}]}
        assert alice.post("/v1/responses", json=again).status_code == 200
        forged = reasoning | {"encrypted_content": reasoning["encrypted_content"][:-8] + "AAAAAAA="}
        for client, item in (
            (bob, reasoning),
            (alice, forged),
            (alice, reasoning | {"id": "rs_0"}),
        ):
            turns[1] = item
            refused = client.post("/v1/responses", json=again | {"input": turns})
            assert refused.status_code == 400
            assert refused.json()["error"]["code"] == "invalid_encrypted_content"


def test_a_request_in_the_background_keeps_the_server_from_stopping(
    make_server: Callable[..., LiveServer],
) -> None:
    server = make_server()
    server.engine.is_paused = True
    with server.client() as client:
        create(client, background=True)
        in_flight = "reflect_requests_in_flight 2.0"  # this page's request and the background's
        assert in_flight in client.get("/metrics").text
    server.engine.is_paused = False
    server.wait_until(lambda: server.num_unfinished == 0)
