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


def system_prompts(erase: Erase | None) -> dict[str, str]:
    """Return the prompts that samples may be learned under, by the names of their settings."""
    if erase is None:
        return {}
    found = {"student_system": erase.student_system}
    if erase.keep_probability:
        found["teacher_system"] = erase.teacher_system
        found |= {f"by_source.{source}": prompt for source, prompt in erase.by_source.items()}
    return {f"build.erase.{name}": prompt for name, prompt in found.items() if prompt}
