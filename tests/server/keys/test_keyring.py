"""A keyring finds callers by their keys, and follows the store."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from server.database import open_database
from server.keys.keyring import Keyring
from server.keys.policy import Caller, Keys, Policy
from server.keys.store import KeyStore

KEY = "a-key-of-sixteen-or-more"
DEFAULT = Policy(may_see_reasoning=True)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KeyStore]:
    store = KeyStore.open(f"sqlite:///{tmp_path / 'keys.db'}")
    yield store
    store.close()


async def come_true(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  (a test may poll)
            await asyncio.sleep(0.01)


def test_without_keys_everybody_is_let_in_with_the_default_policy() -> None:
    keyring = Keyring(Keys(), DEFAULT)
    assert not keyring.is_guarded
    for key in (None, "", KEY):
        assert keyring.find(key) == Caller("anonymous", DEFAULT)


def test_only_the_right_key_is_let_in() -> None:
    keyring = Keyring(Keys.load(KEY, None), DEFAULT)
    assert keyring.is_guarded
    caller = keyring.find(KEY)
    assert caller is not None
    assert caller.policy == DEFAULT
    for key in (None, "", f"{KEY}x", KEY[:-1], "\udcff"):
        assert keyring.find(key) is None


def test_the_id_of_a_key_of_the_file_is_always_the_same_and_not_its_hash() -> None:
    callers = [Keyring(Keys.load(KEY, None), DEFAULT).find(KEY) for _ in range(2)]
    assert callers[0] is not None
    assert callers[0] == callers[1]
    assert callers[0].key_id[4:] not in hashlib.sha256(KEY.encode()).hexdigest()
    assert callers[0].cache_salt


def test_a_stored_key_brings_its_policy_and_a_salt_of_its_own(store: KeyStore) -> None:
    _, ann = store.add("ann", Policy(max_tokens=7), 100)
    _, bob = store.add("bob", Policy(), 100)
    keyring = Keyring(Keys(), DEFAULT, store)
    callers = [keyring.find(ann), keyring.find(bob)]
    assert [caller and caller.policy for caller in callers] == [Policy(max_tokens=7), Policy()]
    assert len({caller and caller.cache_salt for caller in callers}) == 2
    assert keyring.find(None) is None


def test_a_key_that_expires_is_refused_from_then_on(store: KeyStore) -> None:
    now_s = int(time.time())
    _, late = store.add("late", Policy(), now_s, now_s - 1)
    _, early = store.add("early", Policy(), now_s, now_s + 1000)
    keyring = Keyring(Keys(), DEFAULT, store)
    assert keyring.find(late) is None
    assert keyring.find(early) is not None


async def test_keys_that_are_added_and_revoked_count_soon(store: KeyStore) -> None:
    keyring = Keyring(Keys(), DEFAULT, store)
    watching = asyncio.create_task(keyring.watch(0.01))
    assert keyring.find("nobody's") is not None
    key, secret = store.add("ann", Policy(), 100)
    await come_true(lambda: keyring.is_guarded)
    assert keyring.find(secret) is not None
    store.revoke(key.id, 101)
    await come_true(lambda: keyring.find(secret) is None)
    # All keys are revoked: the server is not open again.
    assert keyring.find(None) is None
    watching.cancel()


async def test_keys_stay_as_known_while_the_store_cannot_be_reached(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    store = KeyStore.open(f"sqlite:///{folder / 'keys.db'}")
    _, secret = store.add("ann", Policy(), 100)
    keyring = Keyring(Keys(), DEFAULT, store)
    store.close()
    folder.rename(tmp_path / "elsewhere")
    watching = asyncio.create_task(keyring.watch(0.01))
    await come_true(lambda: bool(caplog.records))
    assert keyring.find(secret) is not None
    (tmp_path / "elsewhere").rename(folder)
    _, other = store.add("bob", Policy(), 100)
    await come_true(lambda: keyring.find(other) is not None)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    watching.cancel()
    store.close()


@pytest.mark.parametrize(
    "column", ["""policy = '{"max_smiles": 1}'""", "policy = 'null'", "digest = 'no hex'"]
)
async def test_a_key_that_cannot_be_read_lets_nobody_in_and_the_others_are_followed(
    column: str, store: KeyStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    odd, odd_secret = store.add("odd", Policy(), 100)
    ann, ann_secret = store.add("ann", Policy(), 100)
    database = open_database(f"sqlite:///{tmp_path / 'keys.db'}")
    with database.begin() as connection:
        connection.execute(text(f"UPDATE api_keys SET {column} WHERE id = '{odd.id}'"))
    database.dispose()
    keyring = Keyring(Keys(), DEFAULT, store)
    assert keyring.is_guarded
    assert keyring.find(odd_secret) is None
    assert keyring.find(ann_secret) is not None
    watching = asyncio.create_task(keyring.watch(0.01))
    _, bob_secret = store.add("bob", Policy(), 100)
    await come_true(lambda: keyring.find(bob_secret) is not None)
    store.revoke(ann.id, 101)
    await come_true(lambda: keyring.find(ann_secret) is None)
    assert [record.getMessage() for record in caplog.records] == [
        f"a key lets nobody in: {odd.id} cannot be read: was it written by a newer version?"
    ]
    watching.cancel()


def test_the_last_use_is_written_down_at_the_end(store: KeyStore, tmp_path: Path) -> None:
    _, secret = store.add("ann", Policy(), 100)
    keyring = Keyring(Keys(), DEFAULT, KeyStore.open(f"sqlite:///{tmp_path / 'keys.db'}"))
    before_s = int(time.time())
    keyring.find(secret)
    assert store.read()[0].used_at_s is None
    keyring.close()
    used_at_s = store.read()[0].used_at_s
    assert used_at_s is not None
    assert used_at_s >= before_s
