"""HttpServer: uvicorn, with signals that let running requests finish and then exit with 0."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn

from server.children import end_children
from server.service import Service, Status

logger = logging.getLogger(__name__)

CLOSE_S = 5  # for connections that stay open after their requests are done
CHILDREN_S = 2.0  # for the engine's processes, until they are killed


class HttpServer(uvicorn.Server):
    """Serves one application; the first signal drains it, the second stops it at once."""

    def __init__(
        self,
        config: uvicorn.Config,
        service: Service,
        on_exit: Callable[[], None] = lambda: None,
    ) -> None:
        """Take uvicorn's configuration and the service to drain.

        on_exit: what to tidy up where the process ends here, and Python's own ways are cut off
        """
        super().__init__(config)
        config.timeout_graceful_shutdown = CLOSE_S
        self._service = service
        self._on_exit = on_exit
        self._is_asked = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._owns_process = False

    @property
    def exit_status(self) -> int:
        """1 if the model could not be loaded, else 0."""
        return int(self._service.status is Status.FAILED)

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve as what this process is for: the process ends here if it is told to while it loads.

        The thread that loads cannot be cancelled, and Python would wait for it.
        """
        self._owns_process = True
        super().run(sockets)

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal, or until it is known that the model cannot be loaded."""
        self._loop = asyncio.get_running_loop()
        watchers = [asyncio.create_task(self._drain()), asyncio.create_task(self._watch_loading())]
        try:
            await super().serve(sockets)
        finally:
            for watcher in watchers:
                watcher.cancel()
            if self._owns_process and self._service.is_loading:
                self._exit()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Begin to drain, or, the second time, stop at once."""
        if self._is_asked.is_set() or self._loop is None:
            self.should_exit = self.force_exit = True
        else:
            self._loop.call_soon_threadsafe(self._is_asked.set)

    def _exit(self) -> None:
        logger.info("stopped while the model was loading")
        for sig in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sig, signal.SIG_IGN)
        end_children(CHILDREN_S)
        self._on_exit()
        logging.shutdown()
        os._exit(self.exit_status)

    async def _drain(self) -> None:
        await self._is_asked.wait()
        await self._service.drain()
        self.should_exit = True

    async def _watch_loading(self) -> None:
        await self._service.settled.wait()
        if self._service.status is Status.FAILED:
            self.should_exit = True
