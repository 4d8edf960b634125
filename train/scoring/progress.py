"""Progress: the live line of scoring."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tqdm import tqdm

from train.scoring.encoding import Row


class Progress:
    """The live line: samples of finished shards, and of all batches tokens and padding."""

    def __init__(self, num_samples: int, is_shown: bool) -> None:
        is_disabled = None if is_shown else True  # None: shown on a terminal
        self._bar = tqdm(total=num_samples, unit=" samples", disable=is_disabled, file=sys.stderr)
        self._num_tokens = self._num_padded = 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def on_batch(self, batch: Sequence[Row]) -> None:
        self._num_tokens += sum(len(row.ids) for row in batch)
        self._num_padded += len(batch) * max(len(row.ids) for row in batch)
        self._bar.set_postfix_str(self.told)

    @property
    def told(self) -> str:
        """Tokens so far, and the share of padding beside them."""
        padding = 1 - self._num_tokens / self._num_padded if self._num_padded else 0.0
        return f"{self._num_tokens:,} tokens, {padding:.0%} padding"

    def finish_shard(self, num_samples: int) -> None:
        self._bar.update(num_samples)
