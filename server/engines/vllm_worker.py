"""WeightReloader: what vLLM's workers do, in their processes, to take other weights of one shape.

The engine names it as `worker_extension_cls`, which makes its methods the workers' own.
"""

from __future__ import annotations

from typing import Any

EXTENSION = "server.engines.vllm_worker.WeightReloader"


class WeightReloader:
    """Reloads weights exactly; mixed into the class of vLLM's worker."""

    model_runner: Any
    vllm_config: Any

    def take_weights(self, folder: str) -> None:
        """Put the folder's weights in place of the present ones; the next call may mend a failure.

        vLLM leaves two things undone. An output head that is tied to the embedding has no weights
        of its own in the checkpoint, so what a CPU has packed of it stays the old one. And where
        loading breaks off, what was half read would be taken for a part of the next attempt.
        """
        from vllm.config import set_current_vllm_config
        from vllm.model_executor.model_loader.reload import finalize_layerwise_reload

        model = self.model_runner.get_model()
        with set_current_vllm_config(self.vllm_config):
            try:
                self.model_runner.reload_weights(weights_path=folder)
            except Exception:
                finalize_layerwise_reload(model, self.vllm_config.model_config)
                raise
            _refresh_tied_heads(model)


def _refresh_tied_heads(model: Any) -> None:
    """Prepare anew every head that shares the embedding's weights."""
    from vllm.model_executor.layers.vocab_parallel_embedding import (
        ParallelLMHead,
        VocabParallelEmbedding,
    )

    embeddings = [m for m in model.modules() if isinstance(m, VocabParallelEmbedding)]
    heads = [module for module in embeddings if isinstance(module, ParallelLMHead)]
    shared = {id(m.weight) for m in embeddings if not isinstance(m, ParallelLMHead)}
    for head in heads:
        if id(head.weight) in shared:
            head.quant_method.process_weights_after_loading(head)
