"""Generated data: problems with their solutions, and mistakes that are caught on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from problems.families import COUNTDOWN
from problems.problem import Problem
from train.building.conversation import Conversation, split_of
from train.building.settings import Generated
from train.segments import Example
from train.small import countdown, word_problems


def read_generated(settings: Generated, seed: int, holdout: float) -> Iterator[Conversation]:
    """Yield the problems asked for; a pure function of its arguments.

    Only what training may draw is drawn: the problems that evaluation asks never come up.
    """
    for index in range(settings.num):
        example = _example(settings, seed, index)
        question = example.problem.prompt
        yield Conversation(
            content_id(question, example.reply),
            settings.family,
            split_of(seed, question, holdout),
            question,
            example.segments,
            is_generated=True,
        )


def content_id(question: str, reply: str) -> str:
    """Hash a conversation that no sample stands behind."""
    return hashlib.sha256(f"{question}\0{reply}".encode()).hexdigest()[:32]


def _example(settings: Generated, seed: int, index: int) -> Example[Problem]:
    if settings.family == COUNTDOWN:
        return countdown.example(seed, index, p_more=settings.mistakes)
    return word_problems.example(seed, index, p_mistake=settings.mistakes)
