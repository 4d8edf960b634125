"""Prompt erasure: data made under one system prompt, learned under another.

*Orca 2: Teaching Small Language Models How to Reason*, section 3, https://arxiv.org/abs/2311.11045
"""

from __future__ import annotations

from train.building.conversation import share_of
from train.building.settings import Erase


def system_prompt(erase: Erase | None, seed: int, id: str, source: str) -> str:
    """Return the system prompt that a conversation is learned under; "" for none.

    A pure function of its arguments: the ids that keep the teacher's are the same in every build.
    """
    if erase is None:
        return ""
    if share_of(seed, "erase", id) >= erase.keep_probability:
        return erase.student_system
    return erase.by_source.get(source, erase.teacher_system)
