"""The section [build]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from train.settings import FORBID, Count, Seconds, Share, Temperature, TopP


@dataclass(frozen=True, slots=True)
class Erase:
    """Prompt erasure: made under `teacher_system`, learned under `student_system`; "" is none.

    keep_probability: the share of samples that keep the teacher's
    by_source: the teacher's of one source, where it had its own
    """

    __pydantic_config__ = FORBID

    teacher_system: str = ""
    student_system: str = ""
    keep_probability: Share = 0.0
    by_source: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Generated:
    """Problems with their solutions. mistakes: how often one is made and caught, before each step
    of a word problem, and after each wrong attempt at a countdown.
    """

    __pydantic_config__ = FORBID

    family: Literal["word problems", "countdown"]
    num: Count
    mistakes: Share = 0.5


@dataclass(frozen=True, slots=True)
class Attempts:
    """Self-correction: the student's own answers to questions with keys, sampled at an endpoint.

    questions: the first `num` of a family of `problems`, or of JSON lines with question, answer
        and, where there is one, solution (an answer `solution #### answer` is read as both)
    samples: answers to each question
    key_variable: the environment variable of the key; the key itself stands in no file
    """

    __pydantic_config__ = FORBID

    questions: str
    num: Count = 1000
    samples: Count = 4
    base_url: str = "http://127.0.0.1:8000/v1"
    model: str = ""
    key_variable: str = "OPENAI_API_KEY"
    concurrency: Count = 16
    temperature: Temperature = 1.0
    top_p: TopP = 1.0
    max_tokens: Count = 1024
    timeout_s: Seconds = 600.0
    max_attempts: Count = 6


@dataclass(frozen=True, slots=True)
class Build:
    """How samples become token ids and labels.

    tokenizer: a folder or name; "" is that of [sft].model
    samples: recycled (those kept), original (as they were read), none; auto is recycled where
        `recycle` has run, else original where [data] has sources, else none
    replies: output (a response is an answer alone) or reflection (a recycled one shows the draft,
        what the teacher found wrong with it, and the better answer)
    tags: added (tokens of their own, not special), special, or text (pieces of the vocabulary)
    mask: none; segment (no loss on what a segment excludes); prefix (each reflecting sample twice,
        once with loss only from its first reflection on)
    max_length: tokens, or the tokenizer's model_max_length where that is less; what is longer is
        dropped: an answer is never cut
    dedup_threshold: the likeness from which on instruction data are near duplicates; 0 lets all be
    contamination: evaluation sets as JSON lines; what shares `contamination_words` words in a row
        with them is dropped
    """

    __pydantic_config__ = FORBID

    tokenizer: str = ""
    samples: Literal["auto", "recycled", "original", "none"] = "auto"
    replies: Literal["output", "reflection"] = "output"
    generated: tuple[Generated, ...] = ()
    attempts: Attempts | None = None
    tags: Literal["added", "special", "text"] = "added"
    mask: Literal["none", "segment", "prefix"] = "segment"
    max_length: Count = 2048
    dedup_threshold: Share = 0.8
    contamination: tuple[Path, ...] = ()
    contamination_words: Count = 13
    erase: Erase | None = None
