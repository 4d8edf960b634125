"""Serve a scripted engine in a process of its own: `python -m tests.serve_scripted FOLDER PORT`.

A third argument other than `fast` is said below; a fourth is the folder of the server's data.

Every reply takes about a second, so that a signal can come in the middle of one. With the word
`slow` the engine takes an hour to start, in a thread, with a process of its own whose id is
printed; with `stubborn` that process also ignores SIGTERM.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import uvicorn

from decoding.automaton_cache import shared_folder
from decoding.bundle import Bundle
from server.app import create_app
from server.engines.engine import Engine
from server.http_server import HttpServer
from server.model import ServedModel
from server.records import logs
from server.settings import Settings
from tests.fakes import Script, ScriptedEngine

REPLY = "<thinking>Hm.</thinking><output>7 apples</output>"

SLEEP_S = 3600
LEASE_S = 2.0
CHILD = """
import signal, sys, time
if sys.argv[1] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(3600)
"""


def start_slowly(how: str) -> None:
    """Do what an engine does that loads a large model."""
    command = [sys.executable, "-c", CHILD, how]
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    print(child.pid, flush=True)
    time.sleep(SLEEP_S)


def main(folder: str, port: str, how: str = "fast", data: str = "") -> int:
    """Serve until a signal."""
    bundle = Bundle.load(Path(folder))
    model = ServedModel.load(bundle)
    tokens = (*model.prompter.encode(REPLY), bundle.stop_token_ids[0])
    script = Script(tokens, delay_s=1 / len(tokens))

    async def start() -> Engine:
        if how != "fast":
            await asyncio.to_thread(start_slowly, how)
        return ScriptedEngine(lambda _: script)

    logs.configure("info")
    settings = Settings(
        drain_timeout_s=10, data=Path(data) if data else None, response_lease_s=LEASE_S
    )
    app = create_app(bundle, settings, start, lambda _: model)
    config = uvicorn.Config(app, port=int(port), log_config=None, access_log=False)
    with ExitStack() as stack:
        stack.enter_context(shared_folder())
        server = HttpServer(config, app.state.service, on_exit=stack.close)
        server.run()
    return server.exit_status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
