"""The store of responses, on SQLite in a file, SQLite in memory and PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from server.data_folder import DataFolderError
from server.responses.store import ResponseStore

TTL_S, LEASE_S = 100.0, 15.0
ITEMS = [{"id": "msg_1", "type": "message", "role": "user", "content": []}]


class Clock:
    """A time that the test moves."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_store(database_url: str, clock: Clock) -> Iterator[Callable[..., ResponseStore]]:
    """Open stores of one database, as several servers would; closed at the end of the test."""
    with ExitStack() as stack:

        def make(max_bytes: int = 2**20) -> ResponseStore:
            store = ResponseStore(
                database_url, ttl_s=TTL_S, max_bytes=max_bytes, lease_s=LEASE_S, clock=clock
            )
            stack.callback(store.close)
            return store

        yield make


@pytest.fixture
def store(open_store: Callable[..., ResponseStore]) -> ResponseStore:
    return open_store()


def response(number: int, status: str = "completed", **fields: Any) -> dict[str, Any]:
    return {"id": f"resp_{number}", "status": status, "error": None} | fields


def test_a_response_comes_back_as_it_was(store: ResponseStore) -> None:
    whole = response(1, output=[{"text": "Äpfel \u2028 \x00 \ud800"}])
    store.insert("a", whole, ITEMS)
    found = store.find("a", "resp_1")
    assert found is not None
    assert (found.response, found.context, found.events) == (whole, ITEMS, None)


def test_a_response_belongs_to_the_key_that_made_it(store: ResponseStore) -> None:
    store.insert("a", response(1), ITEMS)
    assert store.find("b", "resp_1") is None
    assert not store.cancel("b", "resp_1")
    assert not store.delete("b", "resp_1")
    assert store.find("a", "resp_1") is not None


def test_what_is_deleted_is_gone(store: ResponseStore) -> None:
    store.insert("a", response(1), ITEMS)
    assert store.delete("a", "resp_1")
    assert store.find("a", "resp_1") is None
    assert not store.delete("a", "resp_1")


def test_what_expires_is_gone(store: ResponseStore, clock: Clock) -> None:
    store.insert("a", response(1), ITEMS)
    clock.now_s += TTL_S - 1
    store.insert("a", response(2), ITEMS)
    assert store.find("a", "resp_1") is not None
    clock.now_s += 1
    assert store.find("a", "resp_1") is None
    assert store.find("a", "resp_2") is not None


def test_a_key_that_has_too_much_loses_its_oldest_and_nobody_else_s(
    open_store: Callable[..., ResponseStore], clock: Clock
) -> None:
    one = response(0, output="x" * 500)
    size = len(json.dumps(one)) + len(json.dumps(ITEMS))
    store = open_store(max_bytes=3 * size)
    store.insert("b", one | {"id": "resp_b"}, ITEMS)
    for number in range(1, 6):
        clock.now_s += 1
        store.insert("a", one | {"id": f"resp_{number}"}, ITEMS)
    assert [n for n in range(1, 6) if store.find("a", f"resp_{n}")] == [3, 4, 5]
    assert store.find("b", "resp_b") is not None


def test_an_unfinished_response_is_never_dropped_for_room(
    open_store: Callable[..., ResponseStore],
) -> None:
    store = open_store(max_bytes=10)
    store.insert("a", response(1, "queued"), ITEMS, is_done=False)
    store.insert("a", response(2), ITEMS)
    assert store.find("a", "resp_1") is not None


def test_an_unfinished_response_is_finished_once(store: ResponseStore) -> None:
    store.insert("a", response(1, "queued"), ITEMS, is_done=False)
    assert store.rewrite(response(1, "in_progress"), is_done=False)
    assert store.rewrite(response(1), is_done=True, events=b"e")
    assert not store.rewrite(response(1, "failed"), is_done=True)
    found = store.find("a", "resp_1")
    assert found is not None
    assert (found.response["status"], found.events) == ("completed", b"e")


def test_cancelling_comes_before_the_end_or_not_at_all(store: ResponseStore) -> None:
    store.insert("a", response(1, "in_progress"), ITEMS, is_done=False)
    assert store.cancel("a", "resp_1")
    assert not store.rewrite(response(1), is_done=True)
    found = store.find("a", "resp_1")
    assert found is not None
    assert found.response["status"] == "cancelled"
    assert not store.cancel("a", "resp_1")


def test_a_response_whose_server_is_gone_has_failed(
    open_store: Callable[..., ResponseStore], clock: Clock
) -> None:
    store = open_store()
    store.insert("a", response(1, "in_progress"), ITEMS, is_done=False)
    clock.now_s += LEASE_S - 1
    found = store.find("a", "resp_1")
    assert found is not None
    assert found.response["status"] == "in_progress"
    clock.now_s += 1
    for _ in range(2):
        found = store.find("a", "resp_1")
        assert found is not None
        assert found.response["status"] == "failed"
        assert found.response["error"]["code"] == "server_error"
    assert not store.rewrite(response(1), is_done=True)


def test_a_lease_that_is_renewed_holds(store: ResponseStore, clock: Clock) -> None:
    store.insert("a", response(1, "in_progress"), ITEMS, is_done=False)
    store.insert("a", response(2, "in_progress"), ITEMS, is_done=False)
    store.insert("a", response(3), ITEMS)
    store.cancel("a", "resp_2")
    clock.now_s += LEASE_S - 1
    assert store.renew(["resp_1", "resp_2", "resp_3", "resp_4"]) == {"resp_1"}
    clock.now_s += LEASE_S - 1
    found = store.find("a", "resp_1")
    assert found is not None
    assert found.response["status"] == "in_progress"


def test_threads_write_and_read_at_once(store: ResponseStore) -> None:
    def write(number: int) -> bool:
        store.insert(f"key{number % 3}", response(number, "queued"), ITEMS, is_done=False)
        assert store.rewrite(response(number), is_done=True)
        return store.find(f"key{number % 3}", f"resp_{number}") is not None

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(write, range(80)))


def test_two_servers_share_a_database(
    open_store: Callable[..., ResponseStore], database_url: str
) -> None:
    if database_url == "sqlite://":
        pytest.skip("a database in memory is one server's")
    with ThreadPoolExecutor(4) as pool:
        first, second, *_ = pool.map(lambda _: open_store(), range(4))
    first.insert("a", response(1, "in_progress"), ITEMS, is_done=False)
    assert second.cancel("a", "resp_1")
    assert first.renew(["resp_1"]) == set()


@pytest.mark.parametrize(
    "url", ["nonsense", "sqlite:////nowhere/at/all.db", "postgresql+psycopg://127.0.0.1:9/none"]
)
def test_a_database_that_cannot_be_used_is_refused_in_a_sentence(url: str) -> None:
    with pytest.raises(DataFolderError, match=r"database of responses cannot be used: .+"):
        ResponseStore(url)
