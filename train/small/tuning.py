"""Tuning: the training loop, resumable at any step.

Law: a run that was killed and resumed ends with the same weights as one that was not.
"""

from __future__ import annotations

import hashlib
import logging
import math
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm
from transformers import LlamaConfig, LlamaForCausalLM

from train.errors import TrainError
from train.small.batches import Batch, Cursor, read_pool
from train.small.checkpoint import load_checkpoint, save_checkpoint
from train.small.optimizer import build_optimizers
from train.small.recipe import Recipe

logger = logging.getLogger(__name__)

SAVE_EVERY_S = 60.0


@dataclass(slots=True)
class Progress:
    """What a run has done so far; one per run, saved with every checkpoint."""

    step: int = 0
    num_tokens: int = 0
    num_loss_tokens: int = 0
    num_examples: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0
    loss: float = math.nan
    data_hash: str = ""
    checks: list[dict[str, Any]] = field(default_factory=list)


class StoppedError(Exception):
    """The run was told to stop; its checkpoint is saved."""


class RecipeError(TrainError):
    """A checkpoint that another recipe made."""


class Tuning:
    """One training run over a folder: `checkpoint.pt` in it is where `resume` goes on.

    model: what it starts from; None: fresh weights of the recipe's shape and seed
    """

    def __init__(
        self, recipe: Recipe, tokenizer: Any, folder: Path, model: LlamaForCausalLM | None = None
    ) -> None:
        self.recipe, self.tokenizer = recipe, tokenizer
        self.path = folder / "checkpoint.pt"
        torch.manual_seed(recipe.seed)
        self.model = model or build_model(recipe, tokenizer)
        self.optimizers = build_optimizers(
            self.model, self.model.get_input_embeddings().weight, recipe.lr, recipe.adamw_lr
        )
        self.base_lrs = [[g["lr"] for g in o.param_groups] for o in self.optimizers]
        self.progress, self.cursor = Progress(), Cursor()
        self.is_stopping = False

    def resume(self) -> bool:
        """Take up the last checkpoint; False if there is none.

        Raise RecipeError if the checkpoint belongs to another recipe.
        """
        state = load_checkpoint(self.path)
        if state is None:
            return False
        if state["recipe"] != self.recipe.to_dict():
            raise RecipeError(
                f"{self.path} is of another recipe: resume with the arguments it was started with, "
                "or leave out --resume to start anew"
            )
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.progress, self.cursor = Progress(**state["progress"]), Cursor(**state["cursor"])
        return True

    def save(self) -> None:
        """Save everything that the next step depends on."""
        state = {
            "recipe": self.recipe.to_dict(),
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "progress": asdict(self.progress),
            "cursor": asdict(self.cursor),
        }
        save_checkpoint(self.path, state)

    def fit(
        self, check: Callable[[Any], dict[str, Any]], *, save_every_s: float = SAVE_EVERY_S
    ) -> None:
        """Train to the recipe's number of tokens; raise StoppedError after a SIGTERM.

        `check` measures the model a few times on the way; a checkpoint is saved when save_every_s
        have passed, at a SIGTERM and at the end.
        """
        former = signal.signal(signal.SIGTERM, lambda *_: setattr(self, "is_stopping", True))
        clock, saved_at = _Clock(self.progress), time.monotonic()
        bar = tqdm(
            total=self.recipe.num_tokens,
            initial=self.progress.num_tokens,
            unit="tok",
            unit_scale=True,
            mininterval=5,
        )
        try:
            for batch in self._batches():
                self.step(batch)
                bar.update(batch.num_tokens)
                bar.set_postfix(loss=f"{self.progress.loss:.4f}", refresh=False)
                self._check_if_due(check)
                clock.tick()
                if self.is_stopping:
                    self.save()
                    raise StoppedError(f"stopped at step {self.progress.step}")
                if time.monotonic() - saved_at >= save_every_s:
                    self.save()
                    saved_at = time.monotonic()
            self.save()
        finally:
            bar.close()
            signal.signal(signal.SIGTERM, former)

    def _batches(self) -> Iterator[Batch]:
        recipe, pad = self.recipe, self.tokenizer.pad_token_id
        while True:
            for batch in read_pool(
                self.tokenizer, recipe.lessons, recipe.seed, recipe.batch_tokens, pad, self.cursor
            ):
                if self.progress.num_tokens >= recipe.num_tokens:
                    return
                yield batch
            self.cursor = Cursor(self.cursor.pool + 1, self.phase, 0)

    @property
    def phase(self) -> float:
        """The share of the run that is done, 0 to 1."""
        return min(1.0, self.progress.num_tokens / self.recipe.num_tokens)

    def step(self, batch: Batch) -> None:
        """Take one optimizer step; logits are computed only where a loss is taken."""
        lr_share = self.recipe.lr_share(self.progress.step, self.phase)
        for optimizer, lrs in zip(self.optimizers, self.base_lrs, strict=True):
            for group, lr in zip(optimizer.param_groups, lrs, strict=True):
                group["lr"] = lr * lr_share
        taken = batch.weights[:, 1:] > 0
        hidden = self.model.model(input_ids=batch.ids[:, :-1]).last_hidden_state[taken]
        losses = torch.nn.functional.cross_entropy(
            self.model.lm_head(hidden), batch.ids[:, 1:][taken], reduction="none"
        )
        weights = batch.weights[:, 1:][taken]
        loss = (losses * weights).sum() / weights.sum()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self._count(batch, loss.item(), int(taken.sum()))

    def _count(self, batch: Batch, loss: float, num_loss_tokens: int) -> None:
        progress = self.progress
        progress.step += 1
        progress.num_tokens += batch.num_tokens
        progress.num_loss_tokens += num_loss_tokens
        progress.num_examples += len(batch.ids)
        progress.loss = loss if progress.step == 1 else 0.98 * progress.loss + 0.02 * loss
        digest = hashlib.blake2b(progress.data_hash.encode(), digest_size=16)
        digest.update(batch.ids.numpy().tobytes() + batch.weights.numpy().tobytes())
        progress.data_hash = digest.hexdigest()
        self.cursor = batch.next

    def _check_if_due(self, check: Callable[[Any], dict[str, Any]]) -> None:
        due = int(self.phase * self.recipe.num_checks)
        if due > len(self.progress.checks) and due < self.recipe.num_checks:
            figures = {"num_tokens": self.progress.num_tokens, "loss": round(self.progress.loss, 4)}
            figures |= check(self.model)
            self.progress.checks.append(figures)
            logger.info("check %s", figures)


class _Clock:
    """Adds the CPU and wall time of this process to the run's."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.cpu_s, self.wall_s = time.process_time(), time.monotonic()

    def tick(self) -> None:
        cpu_s, wall_s = time.process_time(), time.monotonic()
        self.progress.cpu_s += cpu_s - self.cpu_s
        self.progress.wall_s += wall_s - self.wall_s
        self.cpu_s, self.wall_s = cpu_s, wall_s


def build_model(recipe: Recipe, tokenizer: Any) -> LlamaForCausalLM:
    """Return the Llama of the recipe with fresh weights, fp32."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.width,
        intermediate_size=recipe.inner_width,
        num_hidden_layers=recipe.num_layers,
        num_attention_heads=recipe.num_heads,
        num_key_value_heads=recipe.num_heads,
        max_position_embeddings=recipe.max_length,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        rope_theta=10000.0,
    )
    return LlamaForCausalLM(config)
