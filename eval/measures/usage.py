"""What the answers took: tokens, seconds, money."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from client.turn import Turn
from estimates.means import mean
from eval.sample import Sample

NOT_AVAILABLE = "not available"


@dataclass(frozen=True, slots=True)
class Prices:
    """What a million tokens cost, in whatever money the user counts."""

    prompt: float
    completion: float


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the least of the ordered values that `share` of them do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def spread(values: Sequence[float]) -> dict[str, float] | str:
    """Return median, 95th percentile, mean and number of values."""
    if not values:
        return NOT_AVAILABLE
    ordered = sorted(values)
    return {
        "p50": quantile(ordered, 0.5),
        "p95": quantile(ordered, 0.95),
        "mean": mean(ordered),
        "n": len(ordered),
    }


def tokens(samples: Sequence[Sample]) -> dict[str, Any]:
    """Return what was read and written, in all and per sample: thinking, output, both."""
    return {
        "prompt": _total(samples, lambda turn: turn.num_prompt_tokens),
        "completion": _total(samples, lambda turn: turn.num_tokens),
        "thinking": spread(_per_sample(samples, lambda turn: turn.num_thinking_tokens)),
        "output": spread(_per_sample(samples, _output)),
        "written": spread(_per_sample(samples, lambda turn: turn.num_tokens)),
    }


def latency(samples: Sequence[Sample]) -> dict[str, float] | str:
    """Return the seconds that the answered samples took."""
    return spread([sample.latency_s for sample in samples if sample.turns])


def cost(samples: Sequence[Sample], prices: Prices | None) -> dict[str, Any] | str:
    """Return what the tokens cost, in all and per right answer, where prices are given."""
    read = _total(samples, lambda turn: turn.num_prompt_tokens)
    written = _total(samples, lambda turn: turn.num_tokens)
    if prices is None or read is None or written is None:
        return NOT_AVAILABLE
    total = (read * prices.prompt + written * prices.completion) / 1e6
    points = math.fsum(sample.value for sample in samples)
    return {
        "prices_per_million": {"prompt": prices.prompt, "completion": prices.completion},
        "total": total,
        "per_sample": total / len(samples),
        "per_right": total / points if points else None,
    }


def thinking_tokens(sample: Sample) -> int | None:
    """Return the tokens thought in all turns; None where any does not tell."""
    return _sum(sample, lambda turn: turn.num_thinking_tokens)


def output_tokens(sample: Sample) -> int | None:
    """Return the tokens written beside the thoughts; None where any turn does not tell."""
    return _sum(sample, _output)


def _output(turn: Turn) -> int | None:
    written, thought = turn.num_tokens, turn.num_thinking_tokens
    return None if written is None or thought is None else written - thought


def _sum(sample: Sample, count: Callable[[Turn], int | None]) -> int | None:
    counts = [count(turn) for turn in sample.turns]
    known = [count for count in counts if count is not None]
    return sum(known) if counts and len(known) == len(counts) else None


def _per_sample(samples: Sequence[Sample], count: Callable[[Turn], int | None]) -> list[float]:
    sums = (_sum(sample, count) for sample in samples)
    return [total for total in sums if total is not None]


def _total(samples: Sequence[Sample], count: Callable[[Turn], int | None]) -> int | None:
    """Return the sum over the samples that tell; None where none does."""
    sums = [total for sample in samples if (total := _sum(sample, count)) is not None]
    return sum(sums) if sums else None
