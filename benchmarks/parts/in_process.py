"""AsyncLLM in this process, asked what the server is asked: a line of JSON in, a line out.

    python -m benchmarks.parts.in_process FOLDER MAX_MODEL_LEN

The bound of the server's throughput: the same checkpoint, engine arguments and enforcement, the
same prompts, seeds and budgets, and so the same tokens; no HTTP, no text, no events.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from benchmarks.parts import streams
from decoding.budget import Budget
from decoding.bundle import Bundle
from server.engines.engine import Sampling
from server.engines.vllm_engine import VllmEngine
from server.engines.vllm_settings import EngineSettings
from server.model import ServedModel
from server.prompts.chat_message import ChatMessage


async def serve(folder: Path, max_model_len: int) -> None:
    """Answer lines [streams, first, last] with [tokens, seconds]."""
    settings = EngineSettings(folder, max_model_len=max_model_len)
    engine = await VllmEngine.start(settings)
    model = ServedModel.load(Bundle.load(folder))
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        num_streams, first, last = json.loads(line)
        begun_s = time.perf_counter()
        tokens = await load(engine, model, num_streams, range(first, last))
        print(json.dumps([tokens, time.perf_counter() - begun_s]), flush=True)
    await engine.close()


async def load(engine: VllmEngine, model: ServedModel, num_streams: int, numbers: range) -> int:
    """Read these replies from AsyncLLM itself, so many at once; return their tokens."""
    gate = asyncio.Semaphore(num_streams)

    async def one(number: int) -> int:
        async with gate:
            prompt = model.prompter.render_prompt([ChatMessage("user", streams.question(number))])
            budget = Budget.for_request(
                model.automaton,
                model.bundle.budgets,
                room=engine.max_model_len - len(prompt),
                max_tokens=streams.MAX_TOKENS,
            )
            sampling = Sampling(
                budget.max_tokens, streams.TEMPERATURE, top_p=model.bundle.top_p, seed=number
            )
            params = engine._params(sampling, budget, None)
            tokens = 0
            async for output in engine._llm.generate(
                {"type": "token", "prompt_token_ids": list(prompt)}, params, f"{number}-{id(gate)}"
            ):
                tokens += sum(len(completion.token_ids) for completion in output.outputs)
            return tokens

    return sum(await asyncio.gather(*map(one, numbers)))


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
