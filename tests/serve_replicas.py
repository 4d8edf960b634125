"""Serve scripted engines as replicas: `python -m tests.serve_replicas FOLDER PORT MIN[:MAX]`.

Each answers with the id of its process. A request tells by its seed what the engine shall do.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from decoding.bundle import Bundle
from server import flags
from server.app import create_app
from server.engines.engine import Engine
from server.engines.vllm_settings import EngineSettings
from server.model import ServedModel
from server.ray_app import serve_replicas
from server.settings import Settings
from tests.fakes import Call, Script, ScriptedEngine

THINK, DIE = 1, 2  # seeds
THINKING_S = 3.0


def make_app(arguments: argparse.Namespace, bundle: Bundle, settings: Settings) -> FastAPI:
    """Make an application on a scripted engine, which also tells what the engine was asked."""
    model = ServedModel.load(bundle)
    if arguments.max_queue == 0:
        raise MemoryError("this replica was told to fail")

    def write(call: Call) -> Script:
        text = f"<thinking>Hm.</thinking><output>{os.getpid()}</output>"
        tokens = (*model.prompter.encode(text), bundle.stop_token_ids[0])
        engine.is_healthy = call.sampling.seed != DIE
        return Script(tokens, first_delay_s=THINKING_S if call.sampling.seed == THINK else 0.0)

    engine = ScriptedEngine(write)

    async def start() -> Engine:
        return engine

    app = create_app(bundle, settings, start, lambda _: model)

    @app.get("/told")
    async def told() -> dict[str, Any]:
        return {"pid": os.getpid(), "asked": len(engine.calls), "aborted": len(engine.aborted)}

    return app


def main(folder: str, port: str, replicas: str, max_queue: str = "16") -> int:
    """Serve until a signal."""
    line = [folder, "--port", port, "--replicas", replicas, "--max-queue", max_queue]
    arguments = flags.parse([*line, "--log-level", "warning"])
    bundle = Bundle.load(Path(folder))
    settings = Settings(drain_timeout_s=20, keep_alive_s=0.2)
    engine = EngineSettings(bundle.folder, max_num_seqs=4, max_queue=arguments.max_queue)
    return serve_replicas(arguments, bundle, settings, engine, make_app)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
