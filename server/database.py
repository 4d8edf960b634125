"""open_database: SQLite or PostgreSQL by its URL, as the server's stores want it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Engine, QueuePool, create_engine, event, make_url

BUSY_S = 10.0


def open_database(url: str | URL) -> Engine:
    """Connect to a database; errors never quote what was written.

    Of SQLite writes are atomic, and readers do not wait for them.

    url: such as sqlite:///replies.db or postgresql+psycopg://user@host/name; sqlite:// is in memory
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True, hide_parameters=True)
    arguments = {"timeout": BUSY_S, "check_same_thread": False}
    options: dict[str, Any] = {"connect_args": arguments, "hide_parameters": True}
    if parsed.database in (None, "", ":memory:"):
        # Each connection would be a database of its own: all threads take turns at one.
        options |= {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0}
    engine = create_engine(parsed, **options)
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
