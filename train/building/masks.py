"""Masks: which segments of a reply are in the loss.

`segment` is partial answer masking as in *Small Language Model Can Self-correct*, section 3
(https://arxiv.org/abs/2401.07301): no loss on what a segment excludes. `prefix` is the way of
Reflection-70B's published training code, except that the tag <reflection> itself is learned.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from train.segments import Kind, Segment

Mask = Literal["none", "segment", "prefix"]
Segments = tuple[Segment, ...]


def copies(segments: Segments, mask: Mask) -> list[Segments]:
    """Return the reply once, or twice under `prefix` where it reflects, with its loss flags."""
    if mask == "segment":
        return [segments]
    whole = tuple(replace(segment, loss=True) for segment in segments)
    first = next((at for at, s in enumerate(segments) if s.kind is Kind.REFLECTION), None)
    if mask == "none" or first is None:
        return [whole]
    before = tuple(replace(segment, loss=False) for segment in segments[:first])
    return [whole, before + whole[first:]]
