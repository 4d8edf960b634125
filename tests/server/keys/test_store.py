"""A store gives out keys once, and keeps of them what nobody can use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from server.database import open_database
from server.keys.policy import Policy
from server.keys.store import KeyStore, KeyStoreError, digest_key, has_keys

POLICY = Policy(
    models=frozenset({"a", "b"}),
    max_effort="low",
    max_thinking_tokens=5,
    max_tokens=6,
    requests_per_minute=7,
    tokens_per_minute=8,
    max_parallel=9,
    may_see_reasoning=True,
    is_admin=True,
    is_recorded=True,
)


@pytest.fixture
def store(database_url: str) -> Iterator[KeyStore]:
    store = KeyStore.open(database_url)
    yield store
    store.close()


def same(store: KeyStore, url: str) -> KeyStore:
    """Open the store a second time, as another process would; in memory there is one alone."""
    return store if url == "sqlite://" else KeyStore.open(url)


def test_what_was_stored_is_read_again(store: KeyStore) -> None:
    ann, secret = store.add("ann", POLICY, 100, 200)
    bob, other = store.add("bob", Policy(), 101)
    assert store.read() == [ann, bob]
    assert ann.digest == digest_key(secret)
    assert secret != other
    assert re.fullmatch(r"rk-[A-Za-z0-9_-]{43}", secret)


def test_neither_the_file_nor_what_is_shown_of_a_key_holds_it(tmp_path: Path) -> None:
    store = KeyStore.open(f"sqlite:///{tmp_path / 'keys.db'}")
    key, secret = store.add("ann", Policy(), 100)
    files = [file.read_bytes() for file in tmp_path.iterdir()]
    assert any(key.id.encode() in data for data in files)
    assert not any(secret.encode() in data for data in files)
    assert secret not in repr(key)
    assert key.digest.hex() not in repr(key)
    store.close()


def test_a_key_is_valid_until_it_expires_or_is_revoked(store: KeyStore) -> None:
    key, _ = store.add("ann", Policy(), 100, 200)
    assert key.is_valid(199.9)
    assert not key.is_valid(200)
    store.revoke(key.id, 150)
    store.revoke(key.id, 160)
    (revoked,) = store.read()
    assert revoked.revoked_at_s == 150
    assert not revoked.is_valid(151)


def test_the_state_differs_after_each_change(store: KeyStore, database_url: str) -> None:
    other = same(store, database_url)
    states = [store.state()]
    key, _ = other.add("ann", Policy(), 100)
    states.append(store.state())
    other.revoke(key.id, 150)
    states.append(store.state())
    assert len(set(states)) == 3
    other.note_uses({key.id: 170})
    assert store.state() == states[-1]
    assert store.read()[0].used_at_s == 170
    other.close()


def test_a_store_is_asked_whether_it_ever_had_a_key(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'keys.db'}"
    assert not has_keys(url)
    store = KeyStore.open(url)
    key, _ = store.add("ann", Policy(), 100)
    store.revoke(key.id, 101)
    assert has_keys(url)
    store.close()


@pytest.mark.parametrize("url", ["sqlite:////nowhere/at/all/keys.db", "no url", "nosql://x"])
def test_a_store_that_cannot_be_opened_says_so(url: str) -> None:
    with pytest.raises(KeyStoreError, match="cannot be opened"):
        KeyStore.open(url)


def test_a_policy_of_a_newer_version_is_not_taken_for_one_without_limits(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'keys.db'}"
    store = KeyStore.open(url)
    key, _ = store.add("ann", Policy(), 100)
    engine = open_database(url)
    with engine.begin() as connection:
        connection.execute(text("""UPDATE api_keys SET policy = '{"max_smiles": 1}'"""))
    engine.dispose()
    with pytest.raises(KeyStoreError, match=f"{key.id} cannot be read"):
        store.read()
    store.close()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "keys.db"
    file.write_text("these are no keys " * 100)
    with pytest.raises(KeyStoreError, match="not a database"):
        KeyStore.open(f"sqlite:///{file}")
