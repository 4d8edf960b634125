"""Keyring: whose key it is, as the running server knows it; added and revoked keys count soon."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Mapping

from server.keys.policy import Caller, Keys, Policy
from server.keys.store import KeyStore, KeyStoreError, StoredKey, UnreadableKeyError, digest_key

logger = logging.getLogger(__name__)

NOTE_S = 10.0  # how long the time of a use may wait until it is written down
ID_ROUNDS = 10_000


class Keyring:
    """Finds callers by their keys, without a word to the database; one per server.

    keys: those of the environment and of a file; default: the policy of these, and of everybody
    where no key guards the server. Once a key was ever stored the server stays guarded, also when
    all of them are revoked.
    """

    def __init__(self, keys: Keys, default: Policy, store: KeyStore | None = None) -> None:
        """Read the store; raise KeyStoreError if it cannot be."""
        self._default = default
        self._store = store
        self._own = {digest: _own_caller(digest, default) for digest in keys.digests}
        self._state = (0, 0)
        self._stored: Mapping[bytes, tuple[StoredKey, Caller]] = {}
        self._uses: dict[str, int] = {}
        self._noted_at_s = time.monotonic()
        self._is_reachable = True
        self._unreadable: set[str] = set()
        self._read()

    @property
    def is_guarded(self) -> bool:
        """Whether a key is needed."""
        return bool(self._own) or any(self._state)

    def find(self, key: str | None) -> Caller | None:
        """Return whose key it is; None where nobody is let in with it.

        The time tells nothing of the keys: what is compared are hashes of what was sent, which a
        stranger cannot choose so that they come closer and closer to one that is stored.
        """
        if not self.is_guarded:
            return Caller(policy=self._default)
        if key is None:
            return None
        digest = digest_key(key)
        if (own := self._own.get(digest)) is not None:
            return own
        stored = self._stored.get(digest)
        now_s = time.time()
        if stored is None or not stored[0].is_valid(now_s):
            return None
        self._uses[stored[0].id] = int(now_s)
        return stored[1]

    async def watch(self, period_s: float) -> None:
        """Follow the store until cancelled; while it cannot be reached the keys stay as known."""
        while self._store is not None:
            await asyncio.sleep(period_s)
            try:
                await asyncio.to_thread(self._follow)
            except KeyStoreError as error:
                if self._is_reachable:
                    logger.error("the keys stay as they are known: %s", error)
                self._is_reachable = False
            else:
                self._is_reachable = True

    def close(self) -> None:
        """Write down the last uses and leave the store."""
        if self._store is None:
            return
        try:
            self._note_uses(self._store)
        except KeyStoreError as error:
            logger.warning("the last uses of keys are lost: %s", error)
        self._store.close()

    def _follow(self) -> None:
        self._read()
        if self._store is not None and time.monotonic() - self._noted_at_s >= NOTE_S:
            self._note_uses(self._store)

    def _read(self) -> None:
        if self._store is None or (state := self._store.state()) == self._state:
            return
        keys = self._store.read(self._leave_out)
        self._stored = {key.digest: (key, _stored_caller(key)) for key in keys}
        self._state = state

    def _leave_out(self, error: UnreadableKeyError) -> None:
        """Let nobody in with a key whose limits are not known, and say so once."""
        if error.id not in self._unreadable:
            logger.error("a key lets nobody in: %s", error)
        self._unreadable.add(error.id)

    def _note_uses(self, store: KeyStore) -> None:
        uses, self._uses = dict(self._uses), {}  # the event loop may still write to the old one
        self._noted_at_s = time.monotonic()
        if uses:
            store.note_uses(uses)


def _stored_caller(key: StoredKey) -> Caller:
    return Caller(key.id, key.policy, cache_salt=key.id)


def _own_caller(digest: bytes, policy: Policy) -> Caller:
    """Name a key of the file by what is slow to guess from: people may have made it up."""
    slow = hashlib.pbkdf2_hmac("sha256", digest, b"the id of an API key", ID_ROUNDS)
    id = f"key_{slow.hex()[:16]}"
    return Caller(id, policy, cache_salt=id)
