"""Batches: the training stream as padded tensors, resumable from one Cursor."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from train.segments import Lessons
from train.small.labels import Labelled, label

POOL = 512


@dataclass(frozen=True, slots=True)
class Cursor:
    """The next batch: the pool it belongs to, the pool's phase, and its place in the pool."""

    pool: int = 0
    phase: float = 0.0
    batch: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """ids: (rows, length) int64; weights: (rows, length) float32; num_tokens without padding."""

    ids: torch.Tensor
    weights: torch.Tensor
    num_tokens: int
    next: Cursor


def read_pool(
    tokenizer: Any, lessons: Lessons, seed: int, batch_tokens: int, pad: int, cursor: Cursor
) -> Iterator[Batch]:
    """Yield the pool's batches from the cursor on; those of one batch are about equally long."""
    indices = range(cursor.pool * POOL, (cursor.pool + 1) * POOL)
    examples = [lessons.example(seed, index, cursor.phase) for index in indices]
    groups = _grouped(sorted(label(tokenizer, examples), key=len), batch_tokens)
    random.Random(f"batches/{seed}/{cursor.pool}").shuffle(groups)
    for at in range(cursor.batch, len(groups)):
        yield _padded(groups[at], pad, Cursor(cursor.pool, cursor.phase, at + 1))


def _grouped(rows: list[Labelled], batch_tokens: int) -> list[list[Labelled]]:
    groups: list[list[Labelled]] = []
    for row in rows:
        if not groups or len(row) * (len(groups[-1]) + 1) > batch_tokens:
            groups.append([])
        groups[-1].append(row)
    return groups


def _padded(rows: list[Labelled], pad: int, after: Cursor) -> Batch:
    length = max(len(row) for row in rows)
    ids = torch.full((len(rows), length), pad)
    weights = torch.zeros(len(rows), length)
    for at, row in enumerate(rows):
        ids[at, : len(row)] = torch.from_numpy(row.ids)
        weights[at, : len(row)] = torch.from_numpy(row.weights)
    return Batch(ids, weights, sum(len(row) for row in rows), after)
