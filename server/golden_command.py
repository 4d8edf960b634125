"""Record a bundle's golden replies anew, as its engine writes them: `reflect golden FOLDER`.

For weights that were quantised, or a machine that rounds otherwise than the one that recorded
them. Takes the flags of `reflect serve`, of which those of the engine matter.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from decoding.bundle import Bundle, BundleError, GoldenReply
from server import assembly, flags
from server.engines.engine import Engine
from server.errors import EngineError
from server.model_folder import find_model
from server.promotion.canary import write_greedily

if TYPE_CHECKING:
    from server.engines.vllm_settings import EngineSettings


def main(argv: list[str] | None = None) -> int:
    """Write what the model says today into reflection.json; 1 if it cannot, 2 if refused."""
    arguments = flags.parse(argv, prog="reflect golden")
    try:
        bundle = Bundle.load(find_model(arguments.folder))
        if not bundle.golden_replies:
            raise BundleError(f"{bundle.folder} has no golden replies whose prompts could be asked")
        recorded = asyncio.run(_record(bundle, assembly.engine_settings(arguments, bundle)))
    except BundleError as error:
        print(f"reflect golden: {error}", file=sys.stderr)
        return 2
    except EngineError as error:
        print(f"reflect golden: {error}", file=sys.stderr)
        return 1
    recorded.save()
    for number, pair in enumerate(zip(bundle.golden_replies, recorded.golden_replies, strict=True)):
        print(f"golden reply {number}: {_agreement(*pair)}")
    return 0


async def _record(bundle: Bundle, settings: EngineSettings) -> Bundle:
    from server.engines.vllm_engine import VllmEngine

    engine = await VllmEngine.start(replace(settings, is_enforced=False))
    try:
        return await rerecord(bundle, engine)
    finally:
        await engine.close()


async def rerecord(bundle: Bundle, engine: Engine) -> Bundle:
    """Return the bundle with the replies that an engine writes to its golden prompts."""
    golden_replies = [
        GoldenReply(
            golden.prompt_token_ids,
            tuple(await write_greedily(engine, f"golden-{number}", golden)),
        )
        for number, golden in enumerate(bundle.golden_replies)
    ]
    return replace(bundle, golden_replies=tuple(golden_replies))


def _agreement(before: GoldenReply, after: GoldenReply) -> str:
    pairs = list(zip(before.token_ids, after.token_ids, strict=False))
    same = next((at for at, (old, new) in enumerate(pairs) if old != new), len(pairs))
    if before.token_ids == after.token_ids:
        return f"as before, {same} tokens"
    return f"new after {same} of {len(before.token_ids)} tokens"


if __name__ == "__main__":
    sys.exit(main())
