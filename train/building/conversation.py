"""Conversation: a question and the reply to learn; Drop: why one is not taught."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from problems.split import stable_hash
from train.building.dataset import Split
from train.segments import Segment

RESOLUTION = 10**9


class Reason(StrEnum):
    """Why a conversation is not taught; every reason is counted and every case written down.

    MALFORMED: the reply leaves the reply format; CONTROL_TEXT: its words spell a control token of
    the tokenizer; DUPLICATE: equal to another; NEAR_DUPLICATE: nearly; CONTAMINATED: holds words
    of an evaluation set; TOO_LONG: more tokens than `max_length`, and an answer is never cut;
    UNDECIDED: an answer of the student's that may be right or wrong.
    """

    MALFORMED = "malformed"
    CONTROL_TEXT = "control text"
    DUPLICATE = "duplicate"
    NEAR_DUPLICATE = "near duplicate"
    CONTAMINATED = "contaminated"
    TOO_LONG = "too long"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Conversation:
    """A question, its reply cut into segments, and the split it belongs to; immutable.

    is_generated: drawn by a generator or sampled on purpose, so that likeness is no fault
    """

    id: str
    source: str
    split: Split
    question: str
    segments: tuple[Segment, ...]
    is_generated: bool = False

    @property
    def reply(self) -> str:
        """The whole assistant turn as text."""
        return "".join(segment.text for segment in self.segments)


@dataclass(frozen=True, slots=True)
class Drop:
    """A conversation that is not taught, why, and what tells more."""

    id: str
    source: str
    reason: Reason
    detail: str = ""

    @classmethod
    def of(cls, conversation: Conversation, reason: Reason, detail: Any = "") -> Drop:
        """Say why this conversation is dropped."""
        return cls(conversation.id, conversation.source, reason, str(detail))


def share_of(seed: int, purpose: str, id: str) -> float:
    """Return a number from 0 to 1 that belongs to the id, the same in every process."""
    return stable_hash(f"{seed}/{purpose}/{id}") % RESOLUTION / RESOLUTION


def split_of(seed: int, id: str, holdout: float) -> Split:
    """Return the split of an id: `holdout` is the share that is kept for measuring."""
    return "holdout" if share_of(seed, "holdout", id) < holdout else "train"


def distinct(conversations: Iterable[Conversation], drops: list[Drop]) -> list[Conversation]:
    """Keep the first of those with the same question and reply."""
    kept: dict[tuple[str, str], Conversation] = {}
    for conversation in conversations:
        first = kept.setdefault((conversation.question, conversation.reply), conversation)
        if first is not conversation:
            drops.append(Drop.of(conversation, Reason.DUPLICATE, first.id))
    return list(kept.values())
