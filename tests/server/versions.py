"""Versions: folders with weights of one shape, and a scripted engine that writes as they say."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from decoding.bundle import Bundle, GoldenReply
from server.engines.engine import Sampling
from server.errors import EngineError
from server.fingerprint import fingerprint
from server.model import ServedModel
from tests.fakes import Call, Script, ScriptedEngine
from tests.live import LiveServer

PROMPT = (1, 2)
CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "hello"}]}


def make_version(source: Path, folder: Path, number: int, **changes: Any) -> Bundle:
    """Copy a model folder, with weights, a golden reply and an answer of its own."""
    shutil.copytree(source, folder)
    weights = {"embed": np.full((4, 3), number, np.float32), "norm": np.ones(3, np.float32)}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    golden = (GoldenReply(PROMPT, (5, number)),)
    replace(Bundle.load(folder), **{"golden_replies": golden, **changes}).save()
    return Bundle.load(folder)


def served(model: ServedModel, bundle: Bundle) -> ServedModel:
    """Make the tables of a version, as the server's load would."""
    return replace(model, bundle=bundle, fingerprint=fingerprint(bundle.folder))


@dataclass
class Versions:
    """What the scripted engine's weights are now, and which folders go wrong in it.

    The answer is the folder's name. broken: raises when loaded; wrong: loads, and writes other
    golden replies than its bundle says.
    """

    now: Path
    broken: set[str] = field(default_factory=set)
    wrong: set[str] = field(default_factory=set)
    delay_s: float = 0.0

    def install(self, server: LiveServer) -> None:
        """Let a server's engine write as this says."""
        server.engine.on_reload = self._load
        server.say_by(lambda call: self._write(server, call))

    def engine(self) -> ScriptedEngine:
        """Make an engine that writes golden replies; requests are for `install`."""
        return ScriptedEngine(self._canary, on_reload=self._load)

    def _load(self, folder: Path) -> None:
        self.now = folder
        if folder.name in self.broken:
            raise EngineError("the weights could not be loaded")

    def _canary(self, call: Call) -> Script:
        assert call.sampling == Sampling(max_tokens=2, temperature=0.0)
        golden = Bundle.load(self.now).golden_replies[0].token_ids
        return Script((9, 9) if self.now.name in self.wrong else golden, "length")

    def _write(self, server: LiveServer, call: Call) -> Script:
        if call.budget is None:
            return self._canary(call)
        return server.script(self.now.name, delay_s=self.delay_s)
