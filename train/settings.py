"""The sections that every stage reads: where a run lives, and what it starts from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

FORBID = ConfigDict(extra="forbid")  # a name that a section does not know is an error
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(gt=0)]
Temperature = Annotated[float, Field(ge=0, le=2)]
TopP = Annotated[float, Field(gt=0, le=1)]


@dataclass(frozen=True, slots=True)
class Run:
    """dir: the folder that all stages of the run write to and read from; seed: of every choice."""

    __pydantic_config__ = FORBID

    name: str
    dir: Path
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Source:
    """One file of instruction data.

    kind: alpaca (instruction, input, output), wizardlm (instruction, output), messages (OpenAI
        conversations) or jsonl (instruction, response); every kind as JSON or JSON lines, .gz too
    limit: at most so many of its samples, those of the least id hashes; 0 is all
    """

    __pydantic_config__ = FORBID

    kind: Literal["alpaca", "wizardlm", "messages", "jsonl"]
    path: Path
    limit: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True, slots=True)
class Data:
    """What a run starts from. holdout: the share of samples kept for measuring the loss."""

    __pydantic_config__ = FORBID

    sources: tuple[Source, ...] = ()
    holdout: Annotated[float, Field(ge=0, lt=1)] = 0.02
