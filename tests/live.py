"""LiveServer: the real application on a real socket of this machine, around a scripted engine."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

import httpx
import uvicorn

from decoding.bundle import Bundle
from server.app import create_app
from server.engines.engine import Engine
from server.http_server import HttpServer
from server.model import ServedModel
from server.service import Service
from server.settings import Settings
from tests.fakes import Call, Script, ScriptedEngine
from tests.published import Recorder, published

WAIT_S = 30.0  # the machine may be busy


class LiveServer:
    """Serves in a thread while the context is open; `engine.script` may change between requests."""

    def __init__(
        self,
        model: ServedModel,
        settings: Settings | None = None,
        *,
        engine: ScriptedEngine | None = None,
        bundle: Bundle | None = None,
        start_engine: Callable[[], Awaitable[Engine]] | None = None,
    ) -> None:
        """Prepare a server; one with a `start_engine` of its own is not waited for."""
        self._is_slow = start_engine is not None
        self.model = model
        self.engine = engine or ScriptedEngine(lambda _: self.script("I do not know."))

        async def start() -> Engine:
            return self.engine

        self.app = create_app(
            bundle or model.bundle,
            settings or Settings(),
            start_engine or start,
            load_model=lambda _: model,
        )
        description = published()
        self.recorder = None if description is None else Recorder(self.app, description)
        config = uvicorn.Config(
            self.recorder or self.app, log_config=None, access_log=False, lifespan="on"
        )
        self.server = HttpServer(config, self.service)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.base_url = f"{self.url}/v1"
        self.model_name = model.bundle.name
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def service(self) -> Service:
        """The application's service."""
        service: Service = self.app.state.service
        return service

    def __enter__(self) -> Self:
        """Start, and wait until requests can be served."""
        self._thread.start()
        self.wait_until(lambda: self.server.started)
        if not self._is_slow:
            self.wait_until(self.service.settled.is_set)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the server."""
        self.server.should_exit = True
        self._thread.join(WAIT_S)
        self._socket.close()
        self.check_published()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        await self.server.serve([self._socket])

    def wait_until(self, is_true: Callable[[], bool], timeout_s: float = WAIT_S) -> None:
        """Wait for a condition of the server's thread; fail if it does not come."""
        deadline_s = time.monotonic() + timeout_s
        while not is_true():
            if time.monotonic() > deadline_s:
                raise AssertionError("the condition did not come true in time")
            time.sleep(0.002)

    def check_published(self) -> None:
        """Fail if OpenAI's description, where the environment names it, objects to a response."""
        if self.recorder is not None:
            objections, self.recorder.findings.objections = self.recorder.findings.objections, []
            assert not objections, "\n".join(objections[:10])

    def client(self, **headers: str) -> httpx.Client:
        """Make a client of this server."""
        return httpx.Client(base_url=self.url, headers=headers, timeout=WAIT_S, trust_env=False)

    def script(self, answer: str, thinking: str = "Hm.", **options: object) -> Script:
        """Make the script of a well-formed reply."""
        text = f"<thinking>\n{thinking}\n</thinking>\n<output>\n{answer}\n</output>"
        return Script(self.encode(text), **options)  # type: ignore[arg-type]

    def encode(self, text: str, *, has_end: bool = True) -> tuple[int, ...]:
        """Turn the text of a reply into token ids, the stop token included."""
        # The prompter's plain tokenizer: a reply's tags are ordinary text in the tiny tokenizer.
        ids = tuple(self.model.prompter.encode(text))
        return (*ids, self.model.bundle.stop_token_ids[0]) if has_end else ids

    def say(self, answer: str, thinking: str = "Hm.", **options: object) -> None:
        """Let the engine write this reply to every request from now on."""
        script = self.script(answer, thinking, **options)
        self.engine.script = lambda _: script

    def say_by(self, script: Callable[[Call], Script]) -> None:
        """Let a function of the request choose the reply."""
        self.engine.script = script

    @property
    def is_stopped(self) -> bool:
        """Whether the server has ended."""
        return not self._thread.is_alive()

    def post_raw(self, body: object, path: str = "/v1/chat/completions") -> socket.socket:
        """Send a request, wait until the engine has it, and return the open connection."""
        num_calls = len(self.engine.calls)
        data = json.dumps(body).encode()
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        raw.connect(self._socket.getsockname())
        raw.sendall(
            b"POST %b HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (path.encode(), len(data), data)
        )
        self.wait_until(lambda: len(self.engine.calls) > num_calls)
        return raw

    @property
    def num_unfinished(self) -> int:
        """Requests that the engine still holds."""
        return self.engine.stats().num_unfinished
