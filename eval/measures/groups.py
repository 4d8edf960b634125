"""Scores of samples with their interval, in all and by group."""

from __future__ import annotations

from collections.abc import Sequence

from estimates import means
from estimates.clusters import clustered, clustered_wilson
from estimates.proportions import Interval
from eval.sample import Sample

WILSON, NORMAL = "wilson", "normal"
WILSON_BY_QUESTION = f"{WILSON}, clustered by question"
NORMAL_BY_QUESTION = f"{NORMAL}, clustered by question"


def method_of(values: Sequence[float], samples: Sequence[Sample], *, is_judged: bool) -> str:
    """Return which interval fits: answers to one question, in whatever words, go together.

    is_judged: 0 and 1 may be points of a longer scale then, not wrong and right
    """
    is_share = means.is_binary(values) and not is_judged
    if len({sample.unit for sample in samples}) < len(samples):
        return WILSON_BY_QUESTION if is_share else NORMAL_BY_QUESTION
    return WILSON if is_share else NORMAL


def interval_of(values: Sequence[float], samples: Sequence[Sample], method: str) -> Interval:
    """Return the mean of the samples' values with the interval of that method."""
    units = [sample.unit for sample in samples]
    if method == WILSON_BY_QUESTION:
        return clustered_wilson(values, units)
    if method == NORMAL_BY_QUESTION:
        return clustered(values, units)
    return means.interval(values) if method == WILSON else means.normal(values)


def by_group(samples: Sequence[Sample], *, is_judged: bool = False) -> dict[str, Interval]:
    """Return the score of each group, in the order in which they are met."""
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.group, []).append(sample)
    method = method_of([sample.value for sample in samples], samples, is_judged=is_judged)
    return {
        name: interval_of([sample.value for sample in ones], ones, method)
        for name, ones in groups.items()
    }
