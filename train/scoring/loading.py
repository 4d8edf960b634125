"""Loading a student: its tokenizer, its weights, and what both are known by."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from dataclasses import asdict, dataclass, replace
from typing import Any

from train.errors import TrainError
from train.model_hash import hash_model
from train.scoring.encoding import Encoder, find_opening
from train.scoring.settings import Score
from train.scoring.student import Student

log = logging.getLogger(__name__)
COMMIT = "_commit_hash"  # where transformers keeps it
OF_THE_MACHINE = ("model", "device", "token_budget", "chunk", "shards")
PROBE = 16  # positions on which our logits are compared with the model's own
TOLERANCE = {"float32": 1e-5, "bfloat16": 2e-3, "float16": 3e-4}  # of the norm: their rounding
# What configurations call that which a head's logits are then multiplied, divided or capped by.
BEHIND_HEAD = (
    "final_logit_softcapping",
    "output_logit_soft_cap",
    "logits_soft_cap",
    "logit_scale",
    "logits_scaling",
    "lm_head_multiplier",
    "output_multiplier",
)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a student is before its weights are loaded.

    settings: with no more positions than the model has
    sha256: of model, tokenizer and every setting that changes what is scored
    """

    settings: Score
    config: Any
    tokenizer: Any
    model_sha256: str

    def to_dict(self) -> dict[str, Any]:
        """Return what a score depends on beside its texts."""
        settings = {k: v for k, v in asdict(self.settings).items() if k not in OF_THE_MACHINE}
        return {"model_sha256": self.model_sha256, **settings}

    @property
    def sha256(self) -> str:
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def identify(settings: Score) -> Identity:
    """Read what a folder or a name of the Hub holds; TrainError where that is no model."""
    from transformers import AutoConfig, AutoTokenizer

    if not settings.model:
        raise TrainError("score.model is missing: the folder or the name of the student")
    try:
        config = AutoConfig.from_pretrained(settings.model)
        tokenizer = AutoTokenizer.from_pretrained(settings.model)
    except (OSError, ValueError) as error:
        raise TrainError(f"score.model = {settings.model}: {error}") from error
    if settings.template == "chat" and not tokenizer.chat_template:
        raise TrainError(f"{settings.model} has no chat template: take another score.template")
    text = config.get_text_config()
    longest = getattr(text, "max_position_embeddings", None) or settings.max_length
    settings = replace(settings, max_length=min(settings.max_length, longest))
    return Identity(
        settings, config, tokenizer, hash_model(settings.model, getattr(config, COMMIT, None))
    )


def load_student(identity: Identity) -> Student:
    """Load the weights; TrainError where they are not those of a causal language model."""
    settings = identity.settings
    try:
        model = _load_model(settings)
    except (OSError, ValueError) as error:
        raise TrainError(f"score.model = {settings.model}: {error}") from error
    opening = find_opening(identity.tokenizer, identity.config)
    has_plain_head = is_plain(model, TOLERANCE[settings.dtype])
    if not has_plain_head:
        log.warning("%s: its logits are more than its head's; all are computed", settings.model)
    return Student(settings, Encoder(settings, identity.tokenizer, opening), model, has_plain_head)


def _load_model(settings: Score) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    dtype = getattr(torch, settings.dtype)
    model = AutoModelForCausalLM.from_pretrained(settings.model, dtype=dtype)
    return model.to(_find_device(settings.device)).eval().requires_grad_(False)


def _find_device(device: str) -> str:
    """Return the device of this process: with several GPUs its own, by torchrun's LOCAL_RANK."""
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda":
        if not torch.cuda.is_available():
            raise TrainError("score.device = cuda, but there is no CUDA device: take auto or cpu")
        return f"cuda:{int(os.environ.get('LOCAL_RANK', '0')) % torch.cuda.device_count()}"
    return device


def is_plain(model: Any, tolerance: float) -> bool:
    """Ask whether the head applied to the last hidden states gives the model's own logits.

    tolerance: of the difference, as a share of the logits' norm. A cap is not seen where logits
    are small, as they may be here: the configuration is asked too.
    """
    import torch

    head, text = model.get_output_embeddings(), model.config.get_text_config()
    if model.base_model is model or not isinstance(head, torch.nn.Linear):
        return False
    if any(getattr(text, name, None) not in {None, 1} for name in BEHIND_HEAD):
        return False
    ids = (
        torch.arange(PROBE, device=model.device)[None] % model.get_input_embeddings().num_embeddings
    )
    with torch.inference_mode():
        hidden = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
        logits = model(input_ids=ids, use_cache=False).logits.float()
        return bool((head(hidden).float() - logits).norm() <= tolerance * logits.norm())
