from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import text

from server.database import open_database


def test_a_sqlite_database_lets_readers_in_while_one_writes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    writer, reader = open_database(url), open_database(url)
    with writer.begin() as connection:
        connection.execute(text("CREATE TABLE t (x INTEGER)"))
    with writer.begin() as writing, reader.connect() as reading:
        writing.execute(text("INSERT INTO t VALUES (1)"))
        assert reading.execute(text("SELECT count(*) FROM t")).scalar() == 0
    with reader.connect() as reading:
        assert reading.execute(text("SELECT count(*) FROM t")).scalar() == 1
    writer.dispose()
    reader.dispose()


def test_threads_share_a_database_in_memory() -> None:
    engine = open_database("sqlite://")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (x INTEGER)"))

    def add(number: int) -> None:
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO t VALUES (:x)"), {"x": number})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(40)))
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM t")) == 40
    engine.dispose()
