"""Seeds of a recycling, and their selection by no more scores than it takes (four phases)."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from train.sample import Sample
from train.scoring.ratios import ifd_targets, ratio, rifd_targets
from train.scoring.scorer import Scorer
from train.scoring.target import Likelihood, Target
from train.settings import Source
from train.sources import read_rows

Pair = tuple[Target, Target]


@dataclass(frozen=True, slots=True)
class Seed:
    """The texts of a seed sample: what it is, and what a teacher would make of it."""

    original: Sample
    new: Sample
    responses: tuple[str, str]  # the better ones, to the original and to the new instruction

    @property
    def variants(self) -> tuple[Sample, ...]:
        """The four that the published scripts score."""
        first, second = self.original, self.new
        return (
            first,
            second,
            Sample(first.instruction, self.responses[0], first.input),
            Sample(second.instruction, self.responses[1], second.input),
        )


def read_seeds(file: Path, num_seeds: int, seed: int) -> list[Seed]:
    """Draw seeds, four rows of the data for each; rows without a response are left out."""
    rows = read_rows(Source("alpaca", file))
    samples = [row for row in rows if isinstance(row, Sample)]
    drawn = random.Random(seed).sample(samples, 4 * num_seeds)
    return [
        Seed(one, two, (three.response, four.response))
        for one, two, three, four in (drawn[at : at + 4] for at in range(0, len(drawn), 4))
    ]


class Counting:
    """A scorer that counts what it is asked for."""

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer
        self.num_passes = 0

    def ratios(self, pairs: Sequence[Pair]) -> list[float]:
        """Return ppl(target | context) / ppl(target) of each; infinite where it has none."""
        found = self.score([target for pair in pairs for target in pair])
        both = zip(found[::2], found[1::2], strict=True)
        return [value if (value := ratio(*two)) is not None else math.inf for two in both]

    def score(self, targets: Sequence[Target]) -> list[Likelihood]:
        self.num_passes += len(targets)
        return self.scorer.score(targets)


def lazily(seeds: Sequence[Seed], counting: Counting) -> list[bool]:
    """Return whether each seed is kept, computing no more than that takes (spec 1.3)."""
    template = counting.scorer.template

    def ifd(sample: Sample, response: str) -> Pair:
        return ifd_targets("", sample.instruction, response, template, sample.input)

    def reversed_ifd(sample: Sample, response: str) -> Pair:
        return rifd_targets("", sample.instruction, response, template, sample.input)

    first = counting.ratios([ifd(seed.original, seed.original.response) for seed in seeds])
    second = counting.ratios([ifd(seed.new, seed.new.response) for seed in seeds])
    chosen = [
        (seed.new, seed.responses[1]) if new > old else (seed.original, seed.responses[0])
        for seed, old, new in zip(seeds, first, second, strict=True)
    ]
    before = [reversed_ifd(sample, sample.response) for sample, _ in chosen]
    after = [reversed_ifd(sample, better) for sample, better in chosen]
    old = counting.score([under for under, _ in before])
    new = counting.score([under for under, _ in after])
    won = [
        at
        for at, (one, other) in enumerate(zip(old, new, strict=True))
        if (other.mean_nll or math.inf) < (one.mean_nll or math.inf)
    ]
    alone = counting.score([after[at][1] for at in won])
    left = [
        at
        for at, likelihood in zip(won, alone, strict=True)
        if (value := ratio(new[at], likelihood)) is not None and value < 1
    ]
    last = counting.ratios([ifd(*chosen[at]) for at in left])
    kept = {at for at, value in zip(left, last, strict=True) if value < 1}
    return [at in kept for at in range(len(seeds))]
