"""Write greedily in the real engine, unenforced: prompts as JSON in, token ids as JSON out.

python -m tests.greedy_in_vllm FOLDER MAX_TOKENS < prompts.json
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from server.engines.engine import Sampling
from server.engines.vllm_engine import VllmEngine
from server.engines.vllm_settings import EngineSettings


async def write(folder: Path, max_tokens: int, prompts: list[list[int]]) -> list[list[int]]:
    engine = await VllmEngine.start(EngineSettings(folder, kv_cache_gib=0.25))
    sampling = Sampling(max_tokens=max_tokens, temperature=0.0)

    async def reply(number: int, prompt: list[int]) -> list[int]:
        stream = engine.generate(str(number), prompt, sampling, None)
        return [token async for delta in stream for token in delta.token_ids]

    try:
        return await asyncio.gather(*(reply(*item) for item in enumerate(prompts)))
    finally:
        await engine.close()


if __name__ == "__main__":
    replies = asyncio.run(write(Path(sys.argv[1]), int(sys.argv[2]), json.load(sys.stdin)))
    print("replies:", json.dumps(replies))
