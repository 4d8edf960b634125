"""ResponseStore: the responses that clients may ask for again, in SQLite or PostgreSQL."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import DatabaseError, SQLAlchemyError

from server.data_folder import DataFolderError
from server.database import open_database
from server.protocol.response_items import Item

tables = MetaData()
responses = Table(
    "responses",
    tables,
    Column("id", String(64), primary_key=True),
    Column("key_id", String(255), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False, index=True),
    # Until when its server is known to work on it; null once it is finished.
    Column("leased_until", Float),
    Column("size_bytes", Integer, nullable=False),
    Column("response", Text, nullable=False),
    Column("context", Text, nullable=False),
    Column("events", LargeBinary),
    Index("responses_of_key", "key_id", "created_at", "size_bytes"),
)
LOST = {
    "code": "server_error",
    "message": "The server stopped before the response was complete.",
}


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A response as it is kept: as the client got it, with the items it was made from."""

    response: dict[str, Any]
    context: list[Item]
    events: bytes | None = None


class ResponseStore:
    """Keeps responses by the key that made them; safe to use from several threads and servers.

    What expires is gone; a key that has too much loses its oldest. A response that is being
    written is leased by its server: one whose lease ran out was lost with it, and has failed.
    """

    def __init__(
        self,
        url: str,
        *,
        ttl_s: float = 30 * 86400.0,
        max_bytes: int = 256 * 2**20,
        lease_s: float = 15.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open the database, and make its table at first use; raise DataFolderError if it fails."""
        self._ttl_s, self._max_bytes, self._lease_s = ttl_s, max_bytes, lease_s
        self._clock = clock
        try:
            self._database = open_database(url)
            _make_table(self._database)
        except (SQLAlchemyError, ImportError) as error:
            reason = str(getattr(error, "orig", None) or error).partition("\n")[0]
            raise DataFolderError(f"the database of responses cannot be used: {reason}") from error

    def insert(
        self, key_id: str, response: dict[str, Any], context: list[Item], *, is_done: bool = True
    ) -> None:
        """Keep a new response; one that is not done is leased."""
        now_s = self._clock()
        texts = json.dumps(response), json.dumps(context)
        with self._database.begin() as connection:
            connection.execute(
                insert(responses).values(
                    id=response["id"],
                    key_id=key_id,
                    created_at=now_s,
                    expires_at=now_s + self._ttl_s,
                    leased_until=None if is_done else now_s + self._lease_s,
                    size_bytes=sum(map(len, texts)),
                    response=texts[0],
                    context=texts[1],
                )
            )
            connection.execute(delete(responses).where(responses.c.expires_at <= now_s))
            self._make_room(connection, key_id)

    def _make_room(self, connection: Connection, key_id: str) -> None:
        mine = responses.c.key_id == key_id
        size = func.sum(responses.c.size_bytes)
        excess = (connection.scalar(select(size).where(mine)) or 0) - self._max_bytes
        if excess <= 0:
            return
        done = select(responses.c.id, responses.c.size_bytes).where(
            mine, responses.c.leased_until.is_(None)
        )
        for id, size_bytes in connection.execute(done.order_by(responses.c.created_at)).all():
            if excess <= 0:
                break
            connection.execute(delete(responses).where(responses.c.id == id))
            excess -= size_bytes

    def rewrite(
        self, response: dict[str, Any], *, is_done: bool, events: bytes | None = None
    ) -> bool:
        """Write an unfinished response anew; False where it is gone, or finished by another."""
        text = json.dumps(response)
        values: dict[str, Any] = {"response": text}
        if is_done:
            size = func.length(responses.c.context) + len(text) + len(events or b"")
            values |= {"leased_until": None, "events": events, "size_bytes": size}
        unfinished = responses.c.id == response["id"], responses.c.leased_until.is_not(None)
        with self._database.begin() as connection:
            statement = update(responses).where(*unfinished).values(**values)
            return connection.execute(statement).rowcount == 1

    def find(self, key_id: str, id: str) -> StoredResponse | None:
        """Return a response of this key; None where there is none, or none any more."""
        columns = responses.c.response, responses.c.context, responses.c.events
        with self._database.connect() as connection:
            statement = select(*columns, responses.c.leased_until).where(*self._is(key_id, id))
            row = connection.execute(statement).one_or_none()
        if row is None:
            return None
        stored = _stored(row)
        if row.leased_until is None or row.leased_until > self._clock():
            return stored
        lost = stored.response | {"status": "failed", "error": LOST}
        self.rewrite(lost, is_done=True)
        return self.find(key_id, id)

    def cancel(self, key_id: str, id: str) -> bool:
        """Mark a response as cancelled unless it is finished."""
        stored = self.find(key_id, id)
        if stored is None:
            return False
        return self.rewrite(stored.response | {"status": "cancelled"}, is_done=True)

    def delete(self, key_id: str, id: str) -> bool:
        """Forget a response; False where there is none."""
        with self._database.begin() as connection:
            statement = delete(responses).where(*self._is(key_id, id))
            return connection.execute(statement).rowcount == 1

    def renew(self, ids: Iterable[str]) -> set[str]:
        """Prolong the leases of responses being written; return those that still are."""
        unfinished = responses.c.id.in_(list(ids)), responses.c.leased_until.is_not(None)
        with self._database.begin() as connection:
            until_s = self._clock() + self._lease_s
            connection.execute(update(responses).where(*unfinished).values(leased_until=until_s))
            return set(connection.scalars(select(responses.c.id).where(*unfinished)))

    def close(self) -> None:
        """Let the database go."""
        self._database.dispose()

    def _is(self, key_id: str, id: str) -> tuple[Any, ...]:
        is_there = responses.c.expires_at > self._clock()
        return responses.c.id == id, responses.c.key_id == key_id, is_there


def _make_table(database: Engine) -> None:
    try:
        tables.create_all(database)
    except DatabaseError:  # another server may have made it at the same moment
        tables.create_all(database)


def _stored(row: Any) -> StoredResponse:
    return StoredResponse(json.loads(row.response), json.loads(row.context), row.events)
