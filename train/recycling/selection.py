"""What is chosen and what is kept: pure functions of ratios, None where there is no number.

*Selective Reflection-Tuning*, section 3.2-3.3 (https://arxiv.org/abs/2402.10110). No number never
wins and never passes: without both there is no comparison, and the pair that was there stays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from train.recycling.settings import Recycle

# by what of it is the teacher's; reflecting on the instruction also gives it a new response
Variant = Literal["original", "instruction", "response", "both"]


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the reflected pair takes the place of the one before, and why."""

    is_accepted: bool
    reason: str


def accept_instruction(before: float | None, reflected: float | None) -> Decision:
    """Take the pair of the greater IFD; of equal ones the one before."""
    return _compare("IFD", before, reflected, 1)


def accept_response(before: float | None, reflected: float | None) -> Decision:
    """Take the pair of the smaller r-IFD; of equal ones the one before."""
    return _compare("r-IFD", before, reflected, -1)


def _compare(name: str, before: float | None, reflected: float | None, sign: int) -> Decision:
    if before is None or reflected is None:
        missing = "the reflected pair" if reflected is None else "the pair before"
        return Decision(False, f"no {name} of {missing}")
    is_better = sign * (reflected - before) > 0
    relation = "above" if reflected > before else "below" if reflected < before else "equal to"
    return Decision(is_better, f"{name} {reflected:.4g} {relation} {before:.4g}")


def why_dropped(
    settings: Recycle, chosen: Variant, ifd: float | None, rifd: float | None
) -> str | None:
    """Return why the chosen pair is not kept, or None; before `top_percent` is applied."""
    if settings.require_reflected_response and chosen in {"original", "instruction"}:
        return "its response is none of a reflection"
    if settings.method == "all":
        return None
    if ifd is None:
        return "no IFD"
    if settings.drop_ge_1 and (rifd is None or not rifd < 1):
        return "no r-IFD" if rifd is None else f"r-IFD {rifd:.4g} is not below 1"
    if settings.drop_ge_1 and not ifd < 1:
        return f"IFD {ifd:.4g} is not below 1"
    return None


def ranks(candidates: Sequence[tuple[str, float]]) -> dict[str, int]:
    """Return each id's place by IFD, the greatest first, from 1; of equal ones by id."""
    ordered = sorted(candidates, key=lambda candidate: (-candidate[1], candidate[0]))
    return {name: place for place, (name, _) in enumerate(ordered, 1)}


def num_kept(num_candidates: int, top_percent: float) -> int:
    """Return how many of the candidates are kept; part of one counts as one."""
    return math.ceil(round(num_candidates * top_percent / 100, 9))
