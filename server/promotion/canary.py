"""The canary: whether the engine writes the golden replies that its bundle says it writes."""

from __future__ import annotations

import logging
import secrets
from contextlib import aclosing

from decoding.bundle import Bundle, GoldenReply
from server.engines.engine import Engine, Sampling

logger = logging.getLogger(__name__)


async def find_mismatch(engine: Engine, bundle: Bundle) -> str | None:
    """Write every golden reply greedily, token by token; return what is wrong, or None."""
    if not bundle.golden_replies:
        logger.warning("the bundle has no golden replies: the weights go untested")
    id = secrets.token_hex(6)
    for number, golden in enumerate(bundle.golden_replies):
        written = await write_greedily(engine, f"canary-{id}-{number}", golden)
        if tuple(written) != golden.token_ids:
            return f"the model does not write golden reply {number} of its bundle"
    return None


async def write_greedily(engine: Engine, request_id: str, golden: GoldenReply) -> list[int]:
    """Return what an engine writes to a golden prompt, unenforced, as long as the golden reply."""
    sampling = Sampling(max_tokens=len(golden.token_ids), temperature=0.0)
    written: list[int] = []
    stream = engine.generate(request_id, golden.prompt_token_ids, sampling, None)
    async with aclosing(stream):
        async for delta in stream:
            written += delta.token_ids
    return written
