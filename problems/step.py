"""Step: one calculation, as thoughts write it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One calculation: `before sign operand = after`."""

    before: int
    sign: str
    operand: int

    @property
    def after(self) -> int:
        """The result; of a division, rounded down."""
        a, b = self.before, self.operand
        return {"+": a + b, "-": a - b, "*": a * b, "/": a // b}[self.sign]

    @property
    def line(self) -> str:
        """The calculation as a line of thinking."""
        return f"{self.before} {self.sign} {self.operand} = {self.after}\n"
