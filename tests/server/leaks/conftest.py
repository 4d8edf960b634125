"""What the leak tests share: a server whose every reply has hidden text with traces in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from server.model import ServedModel
from server.settings import Settings
from tests.live import LiveServer
from tests.server.leaks.traces import THOUGHT

ANSWER = "It is 7 apples, <b>exactly</b>.\nYes."


@pytest.fixture(scope="session")
def planted_server(model: ServedModel) -> Iterator[LiveServer]:
    with LiveServer(model, Settings(keep_alive_s=0.02, admission_s=0.05)) as server:
        yield server


@pytest.fixture
def planted(planted_server: LiveServer) -> LiveServer:
    planted_server.engine.is_paused = False
    planted_server.engine.calls.clear()
    planted_server.say(ANSWER, THOUGHT)
    return planted_server
