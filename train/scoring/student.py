"""Student: the model that scores, with its tokenizer."""

from __future__ import annotations

import hashlib
import logging
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from train.errors import TrainError
from train.scoring.encoding import Encoder, Row, find_opening
from train.scoring.settings import Score
from train.scoring.target import Likelihood

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)
COMMIT = "_commit_hash"  # where transformers keeps it
HASHED = {".json", ".safetensors", ".bin", ".model", ".jinja"}
PROBE = 16  # positions on which our logits are compared with the model's own
TOLERANCE = {"float32": 1e-3, "bfloat16": 0.25, "float16": 0.05}


@dataclass(frozen=True, slots=True)
class Student:
    """A causal language model ready to score; one per process.

    is_plain: its logits are its head applied to its last hidden states, so that they need not be
    computed where no target stands
    """

    settings: Score
    tokenizer: Any
    encoder: Encoder
    model: Any
    sha256: str
    is_plain: bool

    def score(self, batch: Sequence[Row]) -> list[Likelihood]:
        """Return the likelihoods of rows that have ids; a row that has no finite one is failed."""
        import torch

        try:
            with torch.inference_mode():
                nll = self._target_nll(batch)
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            if len(batch) == 1:
                log.warning("no memory for a sequence of %d tokens", len(batch[0].ids))
                return [Likelihood(0, 0.0, "failed")]
            middle = len(batch) // 2
            return [*self.score(batch[:middle]), *self.score(batch[middle:])]
        sizes = [row.num_targets for row in batch]
        pieces = torch.split(nll.double().cpu(), sizes)
        return [
            _likelihood(row, float(piece.sum())) for row, piece in zip(batch, pieces, strict=True)
        ]

    def _target_nll(self, batch: Sequence[Row]) -> torch.Tensor:
        """Return the nats of all targets of the batch, row by row, (targets,) float32.

        Padding stands at the right, where causal attention never looks: no mask is needed.
        """
        import torch

        from train.scoring.losses import logits_nll, target_nll

        width, device = max(len(row.ids) for row in batch), self.model.device
        ids = torch.zeros((len(batch), width), dtype=torch.long)
        is_target = torch.zeros((len(batch), width), dtype=torch.bool)
        for at, row in enumerate(batch):
            ids[at, : len(row.ids)] = torch.tensor(row.ids)
            is_target[at, row.first : len(row.ids)] = True
        wanted = ids[is_target].to(device)
        is_before = is_target.roll(-1, dims=1).to(device)  # the position that predicts a target
        ids = ids.to(device)
        if self.is_plain:
            hidden = self.model.base_model(input_ids=ids, use_cache=False).last_hidden_state
            head = self.model.get_output_embeddings()
            return target_nll(
                hidden[is_before], head.weight, head.bias, wanted, self.settings.chunk
            )
        logits = self.model(input_ids=ids, use_cache=False).logits
        return logits_nll(logits[is_before], wanted, self.settings.chunk)


def _likelihood(row: Row, sum_nll: float) -> Likelihood:
    if not math.isfinite(sum_nll):
        return Likelihood(0, 0.0, "failed")
    return Likelihood(row.num_targets, sum_nll, "ok")


def load_student(settings: Score) -> Student:
    """Load a folder or a name of the Hub; TrainError where that is no causal language model."""
    tokenizer = load_tokenizer(settings)
    try:
        model = _load_model(settings)
    except (OSError, ValueError) as error:
        raise TrainError(f"score.model = {settings.model}: {error}") from error
    longest = getattr(model.config, "max_position_embeddings", None) or settings.max_length
    settings = replace(settings, max_length=min(settings.max_length, longest))
    encoder = Encoder(settings, tokenizer, find_opening(tokenizer, model.config))
    sha256 = hash_model(settings.model, model.config)
    is_plain = _is_plain(model, TOLERANCE[settings.dtype])
    if not is_plain:
        log.warning("%s: its logits are more than its head's; all are computed", settings.model)
    return Student(settings, tokenizer, encoder, model, sha256, is_plain)


def load_tokenizer(settings: Score) -> Any:
    """Load the student's tokenizer alone."""
    from transformers import AutoTokenizer

    if not settings.model:
        raise TrainError("score.model is missing: the folder or the name of the student")
    try:
        return AutoTokenizer.from_pretrained(settings.model)
    except (OSError, ValueError) as error:
        raise TrainError(f"score.model = {settings.model}: {error}") from error


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


def _is_plain(model: Any, tolerance: float) -> bool:
    """Ask whether the head applied to the last hidden states gives the model's own logits."""
    import torch

    head = model.get_output_embeddings()
    if model.base_model is model or not isinstance(head, torch.nn.Linear):
        return False
    ids = torch.arange(PROBE, device=model.device)[None] % model.config.vocab_size
    with torch.inference_mode():
        hidden = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
        logits = model(input_ids=ids, use_cache=False).logits
        return bool(torch.allclose(head(hidden), logits, atol=tolerance, rtol=tolerance))


def hash_model(name: str, config: Any) -> str:
    """Hash what a folder's model and tokenizer are; of the Hub's, the name and its commit."""
    folder = Path(name)
    if not folder.is_dir():
        return hashlib.sha256(f"{name}@{getattr(config, COMMIT, None)}".encode()).hexdigest()[:32]
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        if file.suffix in HASHED and file.is_file():
            with file.open("rb") as opened:
                content = hashlib.file_digest(opened, "sha256").digest()
            digest.update(file.name.encode() + content)
    return digest.hexdigest()[:32]
