"""Recordings: the conversations of keys that consent, kept in SQL as input for recycling.

Never the reasoning: what is kept is what the client sent and what it received.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Engine, Float, MetaData, String, Table, Text, delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from server.keys.policy import Caller
from server.records.thread_sink import ThreadSink
from server.replies.exchanges import Exchange

logger = logging.getLogger(__name__)

BATCH = 500
TABLES = MetaData()
EXCHANGES = Table(
    "exchanges",
    TABLES,
    Column("id", String(64), primary_key=True),
    Column("at_s", Float, nullable=False, index=True),
    Column("key_id", String(64), nullable=False, index=True),
    Column("model", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("answers", Text, nullable=False),
    Column("usage", Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Recording:
    """One exchange as it was kept.

    at_s: seconds since 1970; request: the body as a chat completion; answers: one a choice
    """

    id: str
    at_s: float
    key_id: str
    model: str
    request: dict[str, Any]
    answers: list[dict[str, Any]]
    usage: dict[str, Any]


class Recordings:
    """The table of exchanges in one database; each exchange is written whole or not at all."""

    def __init__(self, database: Engine) -> None:
        """Make the table where it is missing."""
        self._database = database
        TABLES.create_all(database)

    def add(self, exchange: Exchange, at_s: float) -> None:
        """Write one exchange."""
        row = {
            "id": exchange.id,
            "at_s": at_s,
            "key_id": exchange.caller.key_id,
            "model": exchange.request.model,
            "request": exchange.request.model_dump_json(exclude_unset=True, by_alias=True),
            "answers": json.dumps([answer.to_dict() for answer in exchange.answers]),
            "usage": exchange.usage.model_dump_json(),
        }
        with self._database.begin() as connection:
            connection.execute(EXCHANGES.insert(), row)

    def read(self, *, key_id: str | None = None, since_s: float = 0.0) -> Iterator[Recording]:
        """Go through the exchanges in the order of their time."""
        query = select(EXCHANGES).where(EXCHANGES.c.at_s >= since_s).order_by(EXCHANGES.c.at_s)
        if key_id is not None:
            query = query.where(EXCHANGES.c.key_id == key_id)
        with self._database.connect() as connection:
            for row in connection.execution_options(yield_per=BATCH).execute(query):
                yield Recording(
                    row.id,
                    row.at_s,
                    row.key_id,
                    row.model,
                    *(json.loads(text) for text in (row.request, row.answers, row.usage)),
                )

    def count(self) -> list[tuple[str, str, int]]:
        """Return how many exchanges there are by key and model."""
        by = (EXCHANGES.c.key_id, EXCHANGES.c.model)
        query = select(*by, func.count()).group_by(*by).order_by(*by)
        with self._database.connect() as connection:
            return [(row[0], row[1], row[2]) for row in connection.execute(query)]

    def forget(self, *, key_id: str | None = None, before_s: float | None = None) -> int:
        """Delete what one key said, or what is older, or both together; return how many."""
        if key_id is None and before_s is None:
            raise ValueError("expected a key or a time: forgetting everything is not offered")
        query = delete(EXCHANGES)
        if key_id is not None:
            query = query.where(EXCHANGES.c.key_id == key_id)
        if before_s is not None:
            query = query.where(EXCHANGES.c.at_s < before_s)
        with self._database.begin() as connection:
            return connection.execute(query).rowcount

    def close(self) -> None:
        """Let go of the database."""
        self._database.dispose()


class Recorder(ThreadSink):
    """The sink that writes what consenting keys say into the recordings."""

    def __init__(self, recordings: Recordings) -> None:
        """Take the table to write to."""
        super().__init__("recordings")
        self._recordings = recordings

    def wants(self, caller: Caller) -> bool:
        """Tell whether the key consents."""
        return caller.policy.is_recorded

    def _close(self) -> None:
        self._recordings.close()

    def _write(self, exchange: Exchange, at_s: float) -> None:
        try:
            self._recordings.add(exchange, at_s)
        except SQLAlchemyError as error:  # its text quotes the row
            logger.error("%s could not be recorded: %s", exchange.id, type(error).__name__)
