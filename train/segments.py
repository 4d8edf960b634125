"""Segment, Example and Split: what the two generators of the demo model hand to the trainer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar


class Split(StrEnum):
    """Which problems a generator may draw; all but TRAIN serve evaluation only.

    FRESH: the training distribution, problems that training can never draw.
    TEMPLATES: sentences and names that training never uses.  NUMBERS: likewise for a number range.
    """

    TRAIN = "train"
    FRESH = "fresh"
    TEMPLATES = "templates"
    NUMBERS = "numbers"


class Kind(StrEnum):
    """What a piece of an assistant turn is; the trainer may weigh kinds differently."""

    THINK = "think"
    WRONG = "wrong"
    REFLECTION = "reflection"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of characters of the assistant turn; `loss` False keeps it out of the loss."""

    text: str
    kind: Kind
    loss: bool = True


class Problem(Protocol):
    """A question whose answer can be checked exactly."""

    @property
    def prompt(self) -> str:
        """The user's turn."""

    def is_right(self, answer: str) -> bool:
        """Whether the text of the output section answers the question."""


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


def stable_hash(text: str) -> int:
    """Return a hash of the text that is the same in every process (Python's own is salted)."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
