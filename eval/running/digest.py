"""The digest of a run: equal where the same replies to the same questions got the same scores."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from eval.question import sha256_of
from eval.sample import Sample


def digest(samples: Iterable[Sample]) -> str:
    """Hash what was answered and what it was worth, in no order; no times, no usage."""
    return sha256_of(sorted((_facts(sample) for sample in samples), key=lambda facts: facts[:2]))


def _facts(sample: Sample) -> list[Any]:
    contents = [turn.content.encode() for turn in sample.turns]
    replies = [hashlib.sha256(content).hexdigest() for content in contents]
    score = sample.score
    if score is None:
        return [sample.id, sample.epoch, replies, None, sorted(sample.flags)]
    worth = [score.value, score.compat, score.extracted, score.rule, dict(score.details)]
    return [sample.id, sample.epoch, replies, worth, sorted({*sample.flags, *score.flags})]
