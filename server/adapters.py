"""Adapters: LoRA adapters in the engine, each served as a model of its own name."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from server.engines.engine import Engine
from server.errors import Conflict, NotFound, RequestError
from server.fingerprint import fingerprint
from server.model import ServedModel

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


class Adapters:
    """The adapters that requests can name; one per service.

    Each shares its base model's prompts, budgets and enforcement; only the weights differ.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._models: dict[str, ServedModel] = {}
        self._lock = asyncio.Lock()
        self._num_changing = 0

    @property
    def models(self) -> tuple[ServedModel, ...]:
        """The adapters as models, in the order they were loaded."""
        return tuple(self._models.values())

    @property
    def is_changing(self) -> bool:
        """Whether one is being loaded or unloaded."""
        return self._num_changing > 0

    def find(self, name: str) -> ServedModel | None:
        """Return the model of an adapter."""
        return self._models.get(name)

    async def load(self, name: str, folder: Path, base: ServedModel, engine: Engine) -> None:
        """Serve an adapter; raise RequestError or Conflict saying why it cannot be."""
        async with self._change():
            if name == base.bundle.name or name in self._models:
                raise Conflict(f"A model '{name}' is served already.", param="lora_name")
            folder = await asyncio.to_thread(folder.resolve)
            await asyncio.to_thread(_check, folder)
            await engine.add_adapter(name, folder)
            self._models[name] = replace(
                base,
                bundle=replace(base.bundle, name=name),
                fingerprint=await asyncio.to_thread(fingerprint, base.bundle.folder, folder),
                adapter=name,
            )

    async def load_all(
        self, folders: Mapping[str, Path], base: ServedModel, engine: Engine
    ) -> str | None:
        """Serve several adapters; return why one cannot be, or None."""
        try:
            for name, folder in folders.items():
                await self.load(name, folder, base, engine)
        except RequestError as error:
            return error.message
        return None

    async def unload(self, name: str, engine: Engine) -> None:
        """Serve an adapter no longer; replies that run with it end as they began."""
        async with self._change():
            if name not in self._models:
                raise NotFound(
                    "No such adapter is loaded.", param="lora_name", code="model_not_found"
                )
            del self._models[name]
            await engine.remove_adapter(name)

    @asynccontextmanager
    async def _change(self) -> AsyncIterator[None]:
        """Change one adapter after the other."""
        self._num_changing += 1
        try:
            async with self._lock:
                yield
        finally:
            self._num_changing -= 1


def _check(folder: Path) -> None:
    """Raise NotFound or RequestError unless the folder looks like a LoRA adapter."""
    if not (folder / CONFIG).is_file():
        raise NotFound(f"{folder} is no adapter: it has no {CONFIG}.", param="lora_path")
    try:
        config: Any = json.loads((folder / CONFIG).read_text("utf-8"))
        kind = config["peft_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RequestError(
            f"{folder / CONFIG} is not an adapter's configuration: {error!r}.", param="lora_path"
        ) from error
    if kind != "LORA":
        raise RequestError(f"Only LoRA adapters can be served, not {kind!r}.", param="lora_path")
    if not (folder / WEIGHTS).is_file():
        raise NotFound(f"{folder} has no {WEIGHTS}.", param="lora_path")
