"""Scores: the likelihoods that a run has, in a journal, so that none is computed twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from files.journal import Journal
from train.scoring.encoding import Row
from train.scoring.scorer import Scorer
from train.scoring.target import Likelihood, Target

Identity = tuple[str, str, str, str]


class Scores:
    """The journal `<folder>/<shard>.jsonl`, a line a target; a context manager for writing it.

    A line holds as long as the target's key and texts, the model and the settings are the same;
    another student's lines may stand beside it. One writer at a time.
    """

    def __init__(self, folder: Path, shard: str = "0") -> None:
        self._journal = Journal(folder / f"{shard}.jsonl")
        self._found: dict[Identity, Likelihood] = {}
        self._lock = threading.Lock()
        for line in self._journal:
            self._found[_identity_of(line)] = Likelihood(
                line["num_targets"], line["sum_nll"], line["status"]
            )

    def __enter__(self) -> Self:
        self._journal.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._journal.__exit__(kind, error, trace)

    def find(self, target: Target, scorer: str) -> Likelihood | None:
        """Return what the scorer with that hash found before; None if nothing."""
        return self._found.get((target.key, *target.sha256, scorer))

    def add(self, target: Target, likelihood: Likelihood, scorer: str) -> None:
        """Write one line; does nothing where it stands already."""
        context, text = target.sha256
        with self._lock:
            if (target.key, context, text, scorer) in self._found:
                return
            self._found[target.key, context, text, scorer] = likelihood
            self._journal.append(
                {
                    "key": target.key,
                    "context": context,
                    "target": text,
                    "scorer": scorer,
                    "num_targets": likelihood.num_targets,
                    "sum_nll": likelihood.sum_nll,
                    "status": likelihood.status,
                }
            )

    def score(
        self,
        scorer: Scorer,
        targets: Sequence[Target],
        on_batch: Callable[[Sequence[Row]], None] = lambda _: None,
    ) -> list[Likelihood]:
        """Return the likelihoods in the order of the targets, computing those that are not there.

        The batches are those of the whole list, and one of which a part is there is computed again:
        after a kill at any moment the same call gives the same numbers to the bit.
        """
        by = scorer.sha256
        if all(self.find(target, by) is not None for target in targets):
            return [self._held(target, by) for target in targets]
        rows = [scorer.student.encoder.encode(target) for target in targets]
        owners: dict[Row, list[Target]] = {}
        for row, target in zip(rows, targets, strict=True):
            if row.ids:
                owners.setdefault(row, []).append(target)
            else:
                self.add(target, Likelihood(0, 0.0, row.status), by)
        for batch in scorer.plan(rows):
            if any(self.find(target, by) is None for row in batch for target in owners[row]):
                for row, likelihood in zip(batch, scorer.student.score(batch), strict=True):
                    for target in owners[row]:
                        self.add(target, likelihood, by)
            on_batch(batch)
        return [self._held(target, by) for target in targets]

    def _held(self, target: Target, scorer: str) -> Likelihood:
        return self._found[target.key, *target.sha256, scorer]


def _identity_of(line: dict[str, Any]) -> Identity:
    return line["key"], line["context"], line["target"], line["scorer"]
