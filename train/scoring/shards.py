"""Shards: the parts of the samples, by their ids, that processes and machines take in turn.

What a shard's numbers are does not depend on who computes it, nor on how many others there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from train.sample import Sample
from train.scoring.encoding import Row
from train.scoring.ratios import ifd_targets, rifd_targets
from train.scoring.scorer import Scorer
from train.scoring.settings import Score
from train.scoring.store import Scores
from train.scoring.target import Target
from train.scoring.templates import Template

VARIANT = "original"
OnBatch = Callable[[Sequence[Row]], None]


@dataclass(frozen=True, slots=True)
class Work:
    """Samples to score, with their ids, and the folder of the journals; the same everywhere.

    Its paths are absolute, as it is sent to processes in other folders; a name of the Hub stays.
    """

    settings: Score
    folder: Path
    samples: tuple[tuple[str, Sample], ...]

    @classmethod
    def of(cls, settings: Score, folder: Path, samples: Mapping[str, Sample]) -> Work:
        """Return the work on samples, by their ids; paths are those of this process's folder."""
        model = Path(settings.model)
        if settings.model and model.is_dir():
            settings = replace(settings, model=str(model.absolute()))
        return cls(settings, folder.absolute(), tuple(samples.items()))

    def shard(self, number: int) -> list[tuple[str, Sample]]:
        """Return the samples of one shard."""
        return [
            (id, sample)
            for id, sample in self.samples
            if shard_of(id, self.settings.shards) == number
        ]

    def scores(self, number: int) -> Scores:
        """Return the journal of one shard."""
        return Scores(self.folder, f"{VARIANT}-{number:04d}-of-{self.settings.shards:04d}")


def shard_of(id: str, num_shards: int) -> int:
    """Return the number of the shard that a sample belongs to."""
    return int(id[:16], 16) % num_shards


def targets_of(id: str, sample: Sample, template: Template) -> list[Target]:
    """Return the four targets of a sample: y|x, y, x|y and x."""
    parts = (f"{id}/{VARIANT}", sample.instruction, sample.response, template, sample.input)
    return [*ifd_targets(*parts), *rifd_targets(*parts)]


def score_shard(
    work: Work, number: int, scorer: Scorer, on_batch: OnBatch = lambda _: None
) -> None:
    """Compute what a shard's journal lacks."""
    samples = work.shard(number)
    targets = [target for one in samples for target in targets_of(*one, scorer.template)]
    with work.scores(number) as scores:
        scores.score(scorer, targets, on_batch)


def numbers_of(rank: int, world: int, num_shards: int) -> Iterator[int]:
    """Yield the shards of one of `world` processes."""
    yield from range(rank, num_shards, world)
