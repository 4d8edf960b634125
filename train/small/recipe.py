"""Recipe: everything that decides what the demo model becomes."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from train.segments import Lessons
from train.small.mixture import Mixture


@dataclass(frozen=True, slots=True)
class Recipe:
    """Shape, data, optimizer and evaluation of one run; equal recipes make equal weights."""

    seed: int = 1
    mixture: Mixture = field(default_factory=Mixture)
    num_tokens: int = 18_000_000
    batch_tokens: int = 2048
    vocab_size: int = 768
    num_tokenizer_examples: int = 6000
    num_layers: int = 5
    width: int = 128
    num_heads: int = 4
    inner_width: int = 384
    max_length: int = 1024
    lr: float = 4e-3
    adamw_lr: float = 4e-3
    least_lr_share: float = 0.02
    num_warmup_steps: int = 100
    num_checks: int = 12
    num_check_problems: int = 200
    num_problems: int = 1000
    temperature: float = 0.7

    def quick(self) -> Recipe:
        """Return the smoke run: the same path, one check included, too short to learn much."""
        return replace(
            self,
            num_tokens=120_000,
            num_tokenizer_examples=400,
            num_warmup_steps=10,
            num_checks=2,
            num_check_problems=8,
            num_problems=16,
        )

    def thinking_only(self) -> Recipe:
        """Return the baseline: equal size and tokens, no mistakes and no reflections."""
        return replace(self, mixture=replace(self.mixture, has_reflections=False))

    @property
    def lessons(self) -> Lessons:
        """What is taught."""
        return self.mixture

    @property
    def corpus(self) -> Lessons:
        """What the tokenizer is made from: with reflections, so that the baseline's is the same."""
        return replace(self.mixture, has_reflections=True)

    def lr_share(self, step: int, phase: float) -> float:
        """Return what the rates are multiplied by, at a step (from 0) and a share of the run."""
        warmup = min(1.0, (step + 1) / self.num_warmup_steps)
        least = self.least_lr_share
        return warmup * (least + (1 - least) * self.falling(phase))

    def falling(self, phase: float) -> float:
        """Return the way from the full rate, 1, to the least, 0: half a cosine."""
        return 0.5 * (1 + math.cos(math.pi * phase))

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)
