"""Segment: a piece of an assistant turn, and whether it is learned; Example: a problem with it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from problems.problem import Problem


class Kind(StrEnum):
    """What a piece of an assistant turn is.

    THINK reasoning; WRONG a mistake; REFLECTION what catches it; REDO what repairs it; OUTPUT the
    answer.
    """

    THINK = "think"
    WRONG = "wrong"
    REFLECTION = "reflection"
    REDO = "redo"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of characters of the assistant turn; `loss` False keeps it out of the loss."""

    text: str
    kind: Kind
    loss: bool = True


Problem_co = TypeVar("Problem_co", bound=Problem, covariant=True)


@dataclass(frozen=True, slots=True)
class Example(Generic[Problem_co]):
    """A problem and the assistant turn to learn, cut into segments."""

    problem: Problem_co
    segments: tuple[Segment, ...]

    @property
    def reply(self) -> str:
        """The whole assistant turn as text."""
        return "".join(segment.text for segment in self.segments)


class Lessons(Protocol):
    """What is taught: a pure function of seed, index and the phase of the training, 0 to 1."""

    def example(self, seed: int, index: int, phase: float) -> Example[Problem]:
        """Return the example at the index."""
