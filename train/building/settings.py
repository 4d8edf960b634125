"""The section [build]."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from train.settings import FORBID


@dataclass(frozen=True, slots=True)
class Erase:
    """Prompt erasure: taught under `teacher_system`, learned under `student_system`.

    keep_probability: the share of samples that keep the teacher's
    """

    __pydantic_config__ = FORBID

    teacher_system: str = ""
    student_system: str = ""
    keep_probability: float = 0.0


@dataclass(frozen=True, slots=True)
class Build:
    """How samples become token ids and labels.

    tokenizer: a folder or name; "" is that of [sft].model
    tags: added (tokens of their own, not special), special, or text (pieces of the vocabulary)
    mask: none; segment (no loss on what a segment excludes); prefix (each reflecting sample twice,
        once with loss only after its first reflection)
    """

    __pydantic_config__ = FORBID

    tokenizer: str = ""
    tags: Literal["added", "special", "text"] = "added"
    mask: Literal["none", "segment", "prefix"] = "segment"
    max_length: int = 2048
    dedup_threshold: float = 0.8
    contamination: tuple[Path, ...] = ()
    contamination_words: int = 13
    erase: Erase | None = None
