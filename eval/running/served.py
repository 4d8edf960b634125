"""served: a server of our own for the time of a run, started, waited for, stopped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from client.readiness import POLL_S, READY_S, probe
from eval.errors import EvalError

COMMAND = (sys.executable, "-m", "reflect", "serve")
STOP_S = 60.0
READY = 200
TAIL_LINES = 12
PR_SET_PDEATHSIG = 1  # linux/prctl.h


@contextmanager
def served(
    model: str,
    options: Sequence[str] = (),
    *,
    command: Sequence[str] = COMMAND,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[str]:
    """Start `reflect serve MODEL` on a free port, yield its base URL when it is ready, stop it.

    It shows its reasoning to who asks, keeps nothing on disk, and ends with this process, even if
    that is killed. options: more arguments of `reflect serve`. Raises EvalError with the end of the
    server's log if it does not become ready.
    """
    port = _free_port()
    arguments = [*command, model, "--port", str(port), "--reasoning", "visible", *options]
    with tempfile.TemporaryFile("w+") as log:
        say(f"starting a server for {model}")
        process = subprocess.Popen(  # noqa: S603  (what the user named)
            arguments,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=os.environ | {"REFLECT_DATA": ""},
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
        )
        try:
            begun_s = time.monotonic()
            base_url = f"http://127.0.0.1:{port}/v1"
            _wait(base_url, process, log)
            say(f"the server is ready after {time.monotonic() - begun_s:.0f} s")
            yield base_url
        finally:
            _stop(process)


def is_folder(model: str) -> bool:
    """Whether a model is meant as a folder to serve rather than as a name at an endpoint."""
    return (Path(model) / "config.json").is_file()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _end_with_parent() -> None:
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _wait(base_url: str, process: subprocess.Popen[bytes], log: IO[str]) -> None:
    deadline_s = time.monotonic() + READY_S
    while (found := probe(base_url)) is None or found[0] != READY:
        if (status := process.poll()) is not None:
            raise EvalError(f"the server ended with status {status}:\n{_tail(log)}")
        if time.monotonic() > deadline_s:
            raise EvalError(f"the server was not ready after {READY_S:g} s:\n{_tail(log)}")
        time.sleep(POLL_S)


def _tail(log: IO[str]) -> str:
    log.seek(0)
    return "".join(log.readlines()[-TAIL_LINES:]).rstrip()


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end; a second signal makes it stop at once."""
    for grace_s in (STOP_S, STOP_S / 6):
        if process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:
            continue
        return
    process.kill()
    process.wait()
