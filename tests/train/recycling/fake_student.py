"""FakeStudent: likelihoods that belong to the texts, without a model."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from train.scoring.target import Likelihood, Target
from train.scoring.templates import Template, TextTemplate

TOO_LONG, FAILED = "far too long", "cannot be scored"


@dataclass
class FakeStudent:
    """Draws each mean from context and target; what a context tells makes its target likelier.

    Like the real one it gives other last bits in other company. `calls` are the lists it got.
    """

    calls: list[list[Target]] = field(default_factory=list)
    template: Template = field(default_factory=lambda: TextTemplate("USER: ", " ASSISTANT:"))

    def score(self, targets: Sequence[Target]) -> list[Likelihood]:
        self.calls.append(list(targets))
        company = hashlib.sha256("".join(target.key for target in targets).encode()).digest()
        return [self._likelihood(target, company[0]) for target in targets]

    def _likelihood(self, target: Target, company: int) -> Likelihood:
        if TOO_LONG in target.target:
            return Likelihood(0, 0.0, "too_long")
        if FAILED in target.target:
            return Likelihood(0, 0.0, "failed")
        num_targets = len(target.target.split())
        drawn = hashlib.sha256(f"{target.context}|{target.target}".encode()).digest()[0] / 255
        mean = 2 + drawn / 2 if not target.context else 1.8 + drawn / 2
        return Likelihood(num_targets, num_targets * (mean + company * 1e-5), "ok")
