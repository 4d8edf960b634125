"""Lesson: how a model of the evidence is taught: its style, mistakes, masks and problems.

What is compared is the lesson alone: the same puzzles by (seed, index), model, optimizer and
number of training tokens.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from problems.countdown import Puzzle
from problems.problem import Problem
from train.building.masks import copies
from train.evidence.own_mistakes import OwnMistakes
from train.segments import Example, Kind, Segment
from train.small import countdown
from train.small.mixture import Mixture

P_MORE, MAX_WRONG = 0.65, 8  # as the demo model is taught


class Style(StrEnum):
    """What stands before the answer: nothing, the right attempt, or wrong ones before it."""

    DIRECT = "direct"
    THINKING = "thinking"
    REFLECTING = "reflecting"


class Mask(StrEnum):
    """What of the wrong attempts brings no loss.

    DECISIONS: the choices, while their honest results are learned; ATTEMPTS: all of them; PREFIX:
    all that stands before the first reflection, in the second of two copies of each example
    (Reflection-70B); NONE: nothing.
    """

    DECISIONS = "decisions"
    ATTEMPTS = "attempts"
    PREFIX = "prefix"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Lesson:
    """Examples by index; `example` is a pure function of its arguments and the fields.

    num_numbers: of a puzzle; words_share: of word problems, taught as the demo model learns them
    """

    style: Style
    mask: Mask = Mask.DECISIONS
    own: OwnMistakes | None = None
    num_numbers: int = 3
    words_share: float = 0.0

    def example(self, seed: int, index: int, phase: float) -> Example[Problem]:
        """Return the example at `index`; only word problems depend on the phase."""
        if self.words_share:
            has_reflections = self.style is Style.REFLECTING
            return Mixture(has_reflections, self.words_share).example(seed, index, phase)
        copy = 0
        if self.mask is Mask.PREFIX and self.style is Style.REFLECTING:
            index, copy = divmod(index, 2)
        taught = self._taught(seed, index)
        return replace(taught, segments=self._masked(taught.segments, copy))

    def _taught(self, seed: int, index: int) -> Example[Puzzle]:
        if self.own is not None:
            return self.own.example(seed, index, P_MORE, MAX_WRONG)
        p_more = P_MORE if self.style is Style.REFLECTING else 0.0
        found = countdown.example(
            seed, index, p_more=p_more, max_wrong=MAX_WRONG, num_numbers=self.num_numbers
        )
        if self.style is Style.DIRECT:
            return replace(found, segments=found.segments[-1:])
        return found

    def _masked(self, segments: tuple[Segment, ...], copy: int) -> tuple[Segment, ...]:
        if self.mask is Mask.DECISIONS:
            return segments
        if self.mask is Mask.ATTEMPTS:
            return tuple(
                replace(segment, loss=False) if segment.kind is Kind.WRONG else segment
                for segment in segments
            )
        taught = copies(segments, "prefix" if self.mask is Mask.PREFIX else "none")
        return taught[copy % len(taught)]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form; own mistakes by their hash."""
        found = asdict(replace(self, own=None)) | {"own": self.own.sha256 if self.own else None}
        return found | {"style": self.style.value, "mask": self.mask.value}
