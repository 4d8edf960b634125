"""start_llm: vLLM's AsyncLLM, with the reply format in its sampler.

vLLM is imported here, after the environment variables that it reads at import are set.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from server.engines import vllm_settings
from server.engines.vllm_settings import EngineSettings
from server.errors import EngineRefused

ENFORCERS = {
    False: "decoding.adapters.vllm_v1:Enforcer",
    True: "decoding.adapters.vllm_v2:Enforcer",
}


def start_llm(settings: EngineSettings) -> Any:
    """Import vLLM and start its engine; returns when the model answers."""
    vllm_settings.set_environment()
    from vllm import AsyncEngineArgs
    from vllm.platforms import current_platform
    from vllm.usage.usage_lib import UsageContext
    from vllm.v1.engine.async_llm import AsyncLLM

    class QuietLLM(AsyncLLM):
        """AsyncLLM without its `__del__`, which fails noisily when the interpreter ends."""

        def __del__(self) -> None:
            pass

    arguments = vllm_settings.arguments(settings, is_cpu=current_platform.is_cpu())
    with _refusals():
        config = AsyncEngineArgs(**arguments).create_engine_config(UsageContext.ENGINE_CONTEXT)
    if settings.is_enforced:
        enforce(config)
    return QuietLLM.from_vllm_config(config, usage_context=UsageContext.ENGINE_CONTEXT)


def enforce(config: Any) -> None:
    """Put the reply format into the sampler; raise EngineRefused where vLLM's runner has no way."""
    is_v2 = bool(config.use_v2_model_runner)
    if config.speculative_config is not None and not is_v2:
        raise EngineRefused(
            f"speculative decoding ({config.speculative_config.method}) cannot be enforced in "
            "vLLM's V1 model runner, which runs on CPUs and for the methods suffix, medusa and "
            "mlp_speculator: leave --speculative-config out, or take ngram, draft_model or eagle "
            "on a GPU"
        )
    config.model_config.logits_processors = [ENFORCERS[is_v2]]


@contextmanager
def _refusals() -> Iterator[None]:
    """Raise EngineRefused for engine arguments that vLLM does not take."""
    try:
        yield
    except (ValueError, NotImplementedError, ImportError, AssertionError) as error:
        raise EngineRefused(f"vLLM refuses the engine's arguments: {error}") from error
