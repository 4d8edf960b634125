"""Lesson: how a model of the evidence is taught: its style, mistakes, masks and problems.

What is compared is the lesson alone: the same puzzles by (seed, index), model, optimizer and
number of training tokens.
"""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from problems.countdown import Puzzle
from problems.problem import Problem
from train.building.masks import copies
from train.evidence.own_mistakes import OwnMistakes
from train.evidence.puzzles import Part, may_be_taught, puzzle, source
from train.segments import Example, Kind, Segment
from train.small import word_problems
from train.small.countdown import trace

P_MORE, MAX_WRONG = 0.65, 8  # as the demo model is taught
WORDS_MISTAKES_FROM = 0.6  # of the training


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

    num_numbers: of a puzzle; words_share: of word problems, in which each step is preceded by a
    mistake and its reflection with words_mistakes, in the last part of the training
    first: the index of the first example, beyond those of what the model starts from
    """

    style: Style
    mask: Mask = Mask.DECISIONS
    own: OwnMistakes | None = None
    num_numbers: int = 3
    words_share: float = 0.0
    words_mistakes: float = 0.0
    first: int = 0

    def example(self, seed: int, index: int, phase: float) -> Example[Problem]:
        """Return the example at `index`; only word problems depend on the phase."""
        index += self.first
        if random.Random(f"words/{seed}/{index}").random() < self.words_share:
            p_mistake = self.words_mistakes if phase >= WORDS_MISTAKES_FROM else 0.0
            return word_problems.example(seed, index, p_mistake=p_mistake)
        copy = 0
        if self.mask is Mask.PREFIX and self.style is Style.REFLECTING:
            index, copy = divmod(index, 2)
        taught = self._taught(seed, index)
        return replace(taught, segments=self._masked(taught.segments, copy))

    def _taught(self, seed: int, index: int) -> Example[Puzzle]:
        if self.own is not None:
            return self.own.example(seed, index - self.first, P_MORE, MAX_WRONG)
        p_more = P_MORE if self.style is Style.REFLECTING else 0.0
        rng = source(Part.TRAIN, seed, index)
        asked = puzzle(rng, Part.TRAIN, self.num_numbers)
        found = trace(rng, asked, p_more, MAX_WRONG, may_be_taught=may_be_taught)
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
