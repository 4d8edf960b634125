"""Order: which samples stand in which batch, as a pure function of the seed and the lengths.

All epochs are one stream of samples, each epoch a shuffle of its own, cut into batches that are
all equally large; the last is filled up from a further shuffle. How many processes there are
changes who computes a micro-batch, never what a step learns from; where a run stands in its data
is the number of its steps.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Order:
    """A sampler of micro-batches for a DataLoader; of torch it needs nothing.

    lengths: (samples,) tokens; batch: a multiple of micro_batch
    window: so many batches are sorted by length together, then dealt out in random order
    """

    lengths: Indices
    batch: int
    micro_batch: int
    epochs: float
    seed: int
    window: int = 1

    batch_size = property(lambda self: self.micro_batch)  # what accelerate asks a batch sampler
    drop_last = True

    @property
    def num_steps(self) -> int:
        """Batches, at least one."""
        return max(1, math.ceil(len(self.lengths) * self.epochs / self.batch - 1e-9))

    def __len__(self) -> int:
        return self.num_steps * (self.batch // self.micro_batch)

    def __iter__(self) -> Iterator[list[int]]:
        """Yield micro-batches, a batch's longest samples first."""
        for batch in self.batches():
            for at in range(0, self.batch, self.micro_batch):
                yield batch[at : at + self.micro_batch].tolist()

    def batches(self) -> Iterator[Indices]:
        """Yield the samples of each step, (batch,), the longest first."""
        stream = self._stream()
        for first in range(0, self.num_steps, self.window):
            count = min(self.window, self.num_steps - first)
            samples = np.fromiter(stream, np.int64, count * self.batch)
            by_length = samples[np.argsort(-self.lengths[samples], kind="stable")]
            batches = by_length.reshape(count, self.batch)
            yield from np.random.default_rng((self.seed, 1, first)).permutation(batches)

    def _stream(self) -> Iterator[int]:
        epoch = 0
        while True:
            shuffled = np.random.default_rng((self.seed, 0, epoch)).permutation(len(self.lengths))
            yield from shuffled.tolist()
            epoch += 1

    @property
    def padding_share(self) -> float:
        """The share of the computed positions that are padding."""
        rows = np.array([self.lengths[micro] for micro in self])
        return float(1 - rows.sum() / (rows.max(axis=1) * self.micro_batch).sum())
