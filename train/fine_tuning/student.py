"""Student: the model to tune, with rows for its tokenizer's new tags, whole or under LoRA."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from train.errors import TrainError
from train.fine_tuning.settings import LEAST_RANK, Lora, Sft
from train.fine_tuning.vocabulary import has_tied_head, teach_tokens

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Student:
    """A model and the tokenizer of its data; new_ids: the tokens that it did not know."""

    model: Any
    tokenizer: Any
    new_ids: tuple[int, ...]


def load_student(settings: Sft, tokenizer: Path) -> Student:
    """Load model and tokenizer, and wrap the model by LoRA where the method says so.

    What is tuned is float32, so that a step of 2e-5 is not rounded away; what LoRA leaves as it is
    has the precision of the arithmetic.
    """
    base = load_base(settings, tokenizer)
    if settings.method == "full":
        return base
    from peft import get_peft_model

    model = get_peft_model(base.model, lora_config(settings.lora, base))
    head = model.get_output_embeddings()
    if not hasattr(head, "bias"):
        head.bias = None  # TRL asks the head for it, peft's wrapper of tuned rows has none
    # the rows of new tags are in the adapter, the rest of a grown matrix `load_base` makes again
    model.save_pretrained = partial(model.save_pretrained, save_embedding_layers=False)
    return Student(model, base.tokenizer, base.new_ids)


def load_base(settings: Sft, tokenizer: Path, dtype: str = "") -> Student:
    """Load the model that a run starts from, with rows for the new tags; the same at every call.

    dtype: a name of torch's; "" is float32, or with LoRA the precision of the arithmetic
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if not settings.model:
        raise TrainError("sft.model is missing: a model's folder or name")
    dtype = dtype or ("float32" if settings.method == "full" else settings.precision)
    try:
        model = AutoModelForCausalLM.from_pretrained(
            settings.model,
            dtype=getattr(torch, dtype),
            attn_implementation=settings.attention or None,
        )
        former = AutoTokenizer.from_pretrained(settings.model)
        own = AutoTokenizer.from_pretrained(tokenizer)
    except (OSError, ValueError, ImportError) as error:
        raise TrainError(f"cannot load sft.model = {settings.model!r}: {error}") from error
    own.padding_side = "right"
    return Student(model, own, tuple(teach_tokens(model, own, former)))


def lora_config(lora: Lora, base: Student) -> Any:
    """Return peft's configuration; the rows of new tags are tuned too, and no others."""
    from peft import LoraConfig

    rows = None
    if base.new_ids:
        layers = {"embed_tokens": base.model.get_input_embeddings()}
        if not has_tied_head(base.model):
            layers["lm_head"] = base.model.get_output_embeddings()
        names = {module: name for name, module in base.model.named_modules()}
        rows = {names[layer].rpartition(".")[2]: list(base.new_ids) for layer in layers.values()}
    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.target,
        trainable_token_indices=rows,
        task_type="CAUSAL_LM",
    )


def warn_of_rank(settings: Sft, has_reflections: bool) -> None:
    """Log a warning where the rank is too small for the data (Physics of LMs 2.2)."""
    if settings.method == "lora" and has_reflections and settings.lora.rank < LEAST_RANK:
        logger.warning(
            "sft.lora.rank = %d: the data teach reflections, which adapters below rank %d have "
            "been found to learn badly, or to lose accuracy by (Physics of Language Models 2.2)",
            settings.lora.rank,
            LEAST_RANK,
        )
