"""Change weights and adapters under a running engine; prompts as JSON in, replies as JSON out.

python -m tests.reload_in_vllm OLD_FOLDER NEW_FOLDER ADAPTER_FOLDER MAX_TOKENS < prompts.json
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from server.engines.engine import Sampling
from server.engines.vllm_engine import VllmEngine
from server.engines.vllm_settings import EngineSettings
from server.errors import EngineError, NotFound, RequestError

Replies = list[list[int]]


async def greedy(
    engine: VllmEngine, prompts: list[list[int]], max_tokens: int, adapter: str | None = None
) -> Replies:
    sampling = Sampling(max_tokens=max_tokens, temperature=0.0)

    async def reply(number: int, prompt: list[int]) -> list[int]:
        id = f"{adapter}-{number}"
        stream = engine.generate(id, prompt, sampling, None, adapter=adapter)
        return [token async for delta in stream for token in delta.token_ids]

    return await asyncio.gather(*(reply(*item) for item in enumerate(prompts)))


async def put(engine: VllmEngine, folder: Path) -> None:
    """Give the engine other weights, as a promotion does."""
    await engine.pause()
    try:
        await engine.reload(folder)
    finally:
        await engine.resume()


async def play(folders: list[Path], max_tokens: int, prompts: list[list[int]]) -> dict[str, object]:
    """Return what was written, and refused, at each stage."""
    old, new, adapter = folders
    engine = await VllmEngine.start(EngineSettings(old, kv_cache_gib=0.25, max_loras=2))
    replies: dict[str, object] = {}

    async def note(name: str, lora: str | None = None) -> None:
        replies[name] = await greedy(engine, prompts, max_tokens, lora)

    try:
        await note("old")
        await engine.add_adapter("tuned", adapter)
        await note("tuned", "tuned")
        await note("beside the adapter")
        try:
            await engine.add_adapter("broken", old)
        except RequestError as error:
            replies["refusal"] = error.message
        await engine.remove_adapter("tuned")
        try:
            await note("removed", "tuned")
        except NotFound:
            replies["removed"] = None
        await put(engine, new)
        await note("new")
        try:
            await put(engine, adapter)  # no model's weights
        except EngineError as error:
            replies["failure"] = error.message
        await put(engine, old)
        await note("back")
    finally:
        await engine.close()
    return replies


if __name__ == "__main__":
    folders = [Path(word) for word in sys.argv[1:4]]
    played = asyncio.run(play(folders, int(sys.argv[4]), json.load(sys.stdin)))
    print("replies:", json.dumps(played))
