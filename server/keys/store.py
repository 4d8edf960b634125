"""KeyStore: API keys in a database, as digests; none is ever changed but to revoke it."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from sqlalchemy import (
    URL,
    BigInteger,
    Column,
    Connection,
    Engine,
    MetaData,
    Row,
    String,
    Table,
    Text,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from server.database import open_database
from server.keys.policy import Policy

PREFIX = "rk-"
SECRET_BYTES = 32

METADATA = MetaData()
KEYS = Table(
    "api_keys",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),  # SHA-256, in hexadecimal
    Column("policy", Text, nullable=False),  # JSON
    Column("created_at_s", BigInteger, nullable=False),
    Column("expires_at_s", BigInteger),
    Column("revoked_at_s", BigInteger),
    Column("used_at_s", BigInteger),
)


class KeyStoreError(Exception):
    """A store that cannot be opened, read or written; says which and why."""


class UnreadableKeyError(KeyStoreError):
    """A row that this version cannot read; the others can be used."""

    def __init__(self, id: str) -> None:
        """Name the key by its id."""
        super().__init__(f"{id} cannot be read: was it written by a newer version?")
        self.id = id


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One key as the store knows it: all but the key itself. Times in seconds since 1970."""

    id: str
    name: str
    digest: bytes = field(repr=False)
    policy: Policy
    created_at_s: int
    expires_at_s: int | None = None
    revoked_at_s: int | None = None
    used_at_s: int | None = None

    def is_valid(self, now_s: float) -> bool:
        """Tell whether requests may use it now."""
        is_expired = self.expires_at_s is not None and self.expires_at_s <= now_s
        return self.revoked_at_s is None and not is_expired


def digest_key(key: str) -> bytes:
    """Return what is kept of a key.

    A plain hash is enough for what is 256 random bits: there is nothing to guess.
    """
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


class KeyStore:
    """The table of keys; opened by the server and by `reflect keys`, at the same time."""

    def __init__(self, engine: Engine) -> None:
        """Take a database that has the table; `open` is the way to get one."""
        self._engine = engine

    @classmethod
    def open(cls, url: str | URL) -> Self:
        """Connect, and make the table unless it is there; raise KeyStoreError if impossible."""
        try:
            engine = open_database(url)
            METADATA.create_all(engine)
        except (SQLAlchemyError, ImportError) as error:
            raise KeyStoreError(f"the store of keys cannot be opened: {_reason(error)}") from error
        return cls(engine)

    def add(
        self, name: str, policy: Policy, now_s: int, expires_at_s: int | None = None
    ) -> tuple[StoredKey, str]:
        """Make a key; returns it with its secret, which is kept nowhere."""
        secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
        id = f"key_{secrets.token_hex(8)}"
        key = StoredKey(id, name, digest_key(secret), policy, now_s, expires_at_s)
        with self._begin() as connection:
            connection.execute(
                insert(KEYS).values(
                    id=id,
                    name=name,
                    digest=key.digest.hex(),
                    policy=_policy_text(policy),
                    created_at_s=now_s,
                    expires_at_s=expires_at_s,
                )
            )
        return key, secret

    def revoke(self, id: str, now_s: int) -> None:
        """Let a key be of no use from now on; it stays in the table."""
        with self._begin() as connection:
            is_meant = (KEYS.c.id == id) & KEYS.c.revoked_at_s.is_(None)
            connection.execute(update(KEYS).where(is_meant).values(revoked_at_s=now_s))

    def note_uses(self, uses: Mapping[str, int]) -> None:
        """Write down when keys were last used, by id."""
        with self._begin() as connection:
            for id, used_at_s in uses.items():
                connection.execute(update(KEYS).where(KEYS.c.id == id).values(used_at_s=used_at_s))

    def state(self) -> tuple[int, int]:
        """Return what differs after every change of who may come in, at the cost of a count.

        Keys are only added and revoked: how many there are of each tells.
        """
        with self._begin() as connection:
            row = connection.execute(select(func.count(), func.count(KEYS.c.revoked_at_s))).one()
        return int(row[0]), int(row[1])

    def read(
        self, on_unreadable: Callable[[UnreadableKeyError], None] | None = None
    ) -> Sequence[StoredKey]:
        """Return every key, the revoked ones too, the oldest first.

        A key that cannot be read is left out and told to `on_unreadable`, else raised.
        """
        with self._begin() as connection:
            rows = connection.execute(select(KEYS).order_by(KEYS.c.created_at_s, KEYS.c.id)).all()
        keys = []
        for row in rows:
            try:
                keys.append(_stored_key(row))
            except UnreadableKeyError as error:
                if on_unreadable is None:
                    raise
                on_unreadable(error)
        return keys

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise KeyStoreError(f"the store of keys cannot be used: {_reason(error)}") from error


def has_keys(url: str) -> bool:
    """Tell whether a key was ever stored there."""
    store = KeyStore.open(url)
    try:
        return any(store.state())
    finally:
        store.close()


def _reason(error: Exception) -> str:
    """Say in one line what the database said; never its URL, which may hold a password."""
    return " ".join(str(getattr(error, "orig", None) or error).split())


def _policy_text(policy: Policy) -> str:
    values = asdict(policy)
    if policy.models is not None:
        values["models"] = sorted(policy.models)
    return json.dumps(values)


def _policy(text: str) -> Policy:
    values: dict[str, Any] = json.loads(text)
    models = values.pop("models", None)
    return Policy(models=None if models is None else frozenset(models), **values)


def _stored_key(row: Row[Any]) -> StoredKey:
    values = row._asdict()
    digest, policy = values.pop("digest"), values.pop("policy")
    try:
        return StoredKey(digest=bytes.fromhex(digest), policy=_policy(policy), **values)
    except (AttributeError, TypeError, ValueError) as error:
        raise UnreadableKeyError(values["id"]) from error
