"""vLLM is started with the reply format in its sampler, or not at all."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from decoding.bundle import Bundle
from server.engines.vllm_engine import VllmEngine
from server.engines.vllm_settings import EngineSettings
from server.engines.vllm_start import ENFORCERS, enforce
from server.errors import EngineRefused


@pytest.mark.parametrize(
    ("method", "is_v2", "is_refused"),
    [(None, False, False), ("ngram", False, True), ("ngram", True, False), ("suffix", False, True)],
)
def test_drafts_are_taken_only_where_they_can_be_enforced(
    method: str | None, is_v2: bool, is_refused: bool
) -> None:
    config = SimpleNamespace(
        speculative_config=SimpleNamespace(method=method) if method else None,
        use_v2_model_runner=is_v2,
        model_config=SimpleNamespace(logits_processors=None),
    )
    if is_refused:
        with pytest.raises(EngineRefused, match=f"{method}.*--speculative-config"):
            enforce(config)
        return
    enforce(config)
    assert config.model_config.logits_processors == [ENFORCERS[is_v2]]


@pytest.mark.engine
@pytest.mark.usefixtures("_environment_put_back")
async def test_arguments_that_vllm_refuses_are_told_with_its_words(bundle: Bundle) -> None:
    pytest.importorskip("vllm", reason="vLLM is not installed")
    settings = EngineSettings(bundle.folder, vllm={"quantization": "no-such-method"})
    with pytest.raises(EngineRefused, match="no-such-method"):
        await VllmEngine.start(settings)


@pytest.mark.engine
@pytest.mark.usefixtures("_environment_put_back")
async def test_a_cpu_refuses_drafts_before_it_loads_anything(bundle: Bundle) -> None:
    pytest.importorskip("vllm", reason="vLLM is not installed")
    import torch

    if torch.cuda.is_available():
        pytest.skip("a GPU takes them")
    drafts = {"method": "ngram", "num_speculative_tokens": 3}
    settings = EngineSettings(bundle.folder, vllm={"speculative_config": drafts})
    with pytest.raises(EngineRefused, match=r"ngram.*--speculative-config"):
        await VllmEngine.start(settings)
