"""What the server's tests share: a tiny model folder, its tables, a live server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from decoding.bundle import Bundle
from server.model import ServedModel
from tests import postgres
from tests.live import LiveServer
from tests.tokenizer import make_model_folder


@pytest.fixture
def _environment_put_back() -> Iterator[None]:
    """Undo what vLLM writes into the environment, for processes of other tests to start in."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A model folder without weights."""
    folder: Path = tmp_path_factory.mktemp("models") / "tiny"
    return make_model_folder(folder)


@pytest.fixture(scope="session")
def model(bundle: Bundle) -> ServedModel:
    """The tables of that model, built once."""
    return ServedModel.load(bundle)


@pytest.fixture
def make_server(model: ServedModel) -> Iterator[Callable[..., LiveServer]]:
    """Start live servers with settings of their own, closed at the end of the test."""
    with ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(LiveServer(model, *args, **options))


@pytest.fixture(scope="session")
def shared_server(model: ServedModel) -> Iterator[LiveServer]:
    with LiveServer(model) as server:
        yield server


@pytest.fixture
def server(shared_server: LiveServer) -> Iterator[LiveServer]:
    """A live server with default settings; it has nothing unfinished before and after."""
    shared_server.engine.calls.clear()
    shared_server.engine.aborted.clear()
    shared_server.say("7 apples")
    yield shared_server
    shared_server.wait_until(lambda: shared_server.num_unfinished == 0)
    shared_server.check_published()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.PostgresServer]:
    """A PostgreSQL server of this session's own."""
    if reason := postgres.why_not():
        pytest.skip(reason)
    with postgres.PostgresServer() as server:
        yield server


@pytest.fixture(params=["sqlite", "memory", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of every kind in turn."""
    if request.param == "postgres":
        server: postgres.PostgresServer = request.getfixturevalue("postgres_server")
        return server.make_database()
    return "sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path / 'test.db'}"
