"""Serve a stepped engine in a process of its own: `python -m tests.serve_stepped --port PORT`.

Every reply thinks for 24 to 55 tokens and answers with 8, a token a step. SIGUSR1 prints a census
of the process as a line of JSON, after a collection of garbage.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import signal
import sys
import tracemalloc
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import uvicorn

from decoding.bundle import Bundle
from decoding.format import Section
from decoding.parser import ReplyParser
from server.app import create_app
from server.engines.engine import Engine
from server.http_server import HttpServer
from server.model import ServedModel
from server.records import logs
from server.settings import Settings
from tests.fakes import Call
from tests.stepped import MarkedScript, SteppedEngine

FOLDER = Path(__file__).parent.parent / "models" / "demo"
VARIANTS, LEAST_THINKING = 32, 24


@dataclass
class Replies:
    """The scripts of the replies; which one a request gets depends on its number."""

    model: ServedModel
    number: int = 0

    def __post_init__(self) -> None:
        encode = self.model.prompter.encode
        self._replies = []
        for length in range(LEAST_THINKING, LEAST_THINKING + VARIANTS):
            thinking = tuple(encode("<thinking>\n" + "3 + 4 = 7. " * length))[:length]
            rest = tuple(encode("\n</thinking>\n<output>\n3 + 4 = 7\n</output>"))
            tokens = (*thinking, *rest, self.model.bundle.stop_token_ids[0])
            self._replies.append((tokens, self._first_answer_token(tokens)))

    def _first_answer_token(self, token_ids: tuple[int, ...]) -> int:
        parser = ReplyParser(self.model.bundle.format, self.model.vocabulary)
        for at, token_id in enumerate(token_ids):
            if any(delta.section is Section.OUTPUT for delta in parser.feed([token_id])):
                return at
        raise AssertionError("the reply has no answer")

    def __call__(self, call: Call) -> MarkedScript:
        """Return the next reply."""
        self.number += 1
        tokens, mark = self._replies[self.number * 7 % VARIANTS]
        return MarkedScript(tokens, request_id=call.request_id, mark=mark)


def census(engine: SteppedEngine) -> dict[str, Any]:
    """Count what the process holds."""
    gc.collect()
    marks, engine.marked_at_s = engine.marked_at_s, {}
    engine.calls.clear()
    engine.aborted.clear()
    return {
        "num_unfinished": engine.stats().num_unfinished,
        "num_tasks": len(asyncio.all_tasks()),
        "num_objects": len(gc.get_objects()),
        "traced_bytes": tracemalloc.get_traced_memory()[0],
        "marked_at_s": marks,
    }


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--folder", type=Path, default=FOLDER, help="model folder (default models/demo)")
    add("--port", type=int, required=True, help="port to listen on")
    add("--step-ms", type=float, default=20.0, help="length of a step in ms (default 20)")
    add("--data", type=Path, help="folder of the server's own data (default none)")
    add("--trace", action="store_true", help="count the bytes that Python allocates")
    arguments = parser.parse_args(argv)
    bundle = replace(Bundle.load(arguments.folder), golden_replies=())
    model = ServedModel.load(bundle)
    engine = SteppedEngine(Replies(model), step_s=arguments.step_ms / 1e3)
    stepping: list[asyncio.Task[None]] = []

    async def start() -> Engine:
        stepping.append(asyncio.create_task(engine.run(), name="steps"))
        signal_loop = asyncio.get_running_loop()
        report = lambda: print(json.dumps(census(engine)), flush=True)  # noqa: E731
        signal_loop.add_signal_handler(signal.SIGUSR1, report)
        if arguments.trace:
            tracemalloc.start()
        return engine

    logs.configure("error")
    settings = Settings(drain_timeout_s=60, data=arguments.data)
    app = create_app(bundle, settings, start, lambda _: model)
    config = uvicorn.Config(
        app, port=arguments.port, log_config=None, access_log=False, timeout_keep_alive=75
    )
    server = HttpServer(config, app.state.service)
    server.run()
    return server.exit_status


if __name__ == "__main__":
    sys.exit(main())
