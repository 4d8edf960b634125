"""Decisions: what an attempt at a puzzle chooses, apart from what its steps result in."""

from __future__ import annotations

import re

STEP = re.compile(r"(\d+) ([-+*]) (\d+) = (\d+)")
Decision = tuple[str, int | None, int | None]  # sign, operands; None: the result before it
Decisions = tuple[Decision, ...]


def read_decisions(line: str) -> Decisions | None:
    """Return what a line decides, whatever results it claims; None where it is no attempt."""
    parts = line.split(", ")
    matches = [STEP.fullmatch(part) for part in parts]
    steps = [match.groups() for match in matches if match]
    if len(steps) < len(parts):
        return None
    decided: list[Decision] = []
    claimed: str | None = None
    for before, sign, operand, result in steps:
        is_first, is_second = before == claimed, operand == claimed and before != claimed
        if claimed is not None and not (is_first or is_second):
            return None
        decided.append(
            _ordered(sign, None if is_first else int(before), None if is_second else int(operand))
        )
        claimed = result
    return tuple(decided)


def _ordered(sign: str, before: int | None, operand: int | None) -> Decision:
    """Return a sum or product in one order, the result before first."""
    if sign == "-" or before is None or (operand is not None and before <= operand):
        return sign, before, operand
    return sign, operand, before
