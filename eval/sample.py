"""Sample: one question asked once: what came back, whether it could be scored, its score."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from client.turn import Failure, Turn
from eval.score import Score
from eval.scored_text import is_truncated, scored_text

ERROR, EMPTY, LENGTH, TRUNCATED = "error", "empty", "length", "truncated"


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of samples.jsonl; a later line of the same (id, epoch) replaces an earlier one.

    epoch: which of several answers to the same question
    attempts: requests it took, retries included
    score: None until it is scored; of a sample without a reply, never: it counts as wrong
    """

    id: str
    epoch: int
    group: str
    prompt_sha256: str
    turns: tuple[Turn, ...] = ()
    failure: Failure | None = None
    attempts: int = 1
    score: Score | None = None
    flags: tuple[str, ...] = field(default=())
    cluster: str = ""

    @property
    def status(self) -> Literal["ok", "error"]:
        """Whether there is a reply; a resumed run asks again where there is none."""
        return "error" if self.failure else "ok"

    @property
    def unit(self) -> str:
        """What it is evidence of, with others perhaps: its question, in whatever words."""
        return self.cluster or self.id

    @property
    def value(self) -> float:
        """The score, 0 where there is none."""
        return self.score.value if self.score else 0.0

    @property
    def all_flags(self) -> set[str]:
        """Its flags and those of its score."""
        return {*self.flags, *(self.score.flags if self.score else ())}

    @property
    def texts(self) -> list[str]:
        """The scored text of each turn."""
        return [scored_text(turn.content) for turn in self.turns]

    @property
    def latency_s(self) -> float:
        """Seconds waited for it, retries and their pauses not counted."""
        return sum(turn.latency_s for turn in self.turns)

    def scored(self, score: Score) -> Self:
        """Return it with a scorer's score; a reply that was cut off is wrong, and no answer.

        What lm-eval, which does not look at that, would have said is kept.
        """
        if LENGTH in self.flags:
            score = Score(0.0, compat=score.compat, flags=score.flags)
        return replace(self, score=score)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form; the mappings in it are shared, not copied."""
        return {
            "id": self.id,
            "epoch": self.epoch,
            "group": self.group,
            "cluster": self.cluster,
            "prompt_sha256": self.prompt_sha256,
            "turns": [_fields(turn) for turn in self.turns],
            "failure": _fields(self.failure) if self.failure else None,
            "attempts": self.attempts,
            "score": _fields(self.score) if self.score else None,
            "flags": self.flags,
            "status": self.status,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the JSON form; raises KeyError, TypeError or ValueError for another."""
        own = {name: data[name] for name in ("id", "epoch", "group", "prompt_sha256", "attempts")}
        score, failure = data["score"], data["failure"]
        sample = cls(
            **own,
            cluster=data.get("cluster", ""),  # older runs have none
            turns=tuple(Turn(**turn) for turn in data["turns"]),
            failure=Failure(**failure) if failure else None,
            score=Score(**score | {"flags": tuple(score["flags"])}) if score else None,
            flags=tuple(data["flags"]),
        )
        _check(sample)
        return sample


def _check(sample: Sample) -> None:
    """Raise TypeError or ValueError where an edited line holds what no run writes."""
    texts = [sample.id, sample.group, sample.prompt_sha256, *(t.content for t in sample.turns)]
    "".join(texts).encode()
    if not all(map(math.isfinite, (sample.epoch, sample.value, sample.latency_s))):
        raise ValueError("finite numbers were expected")
    if not all(isinstance(turn.usage, dict | None) for turn in sample.turns):
        raise TypeError("a usage is an object")


def flags_of(turns: Sequence[Turn], failure: Failure | None) -> tuple[str, ...]:
    """Return what is wrong with a sample before it is scored; each flag once."""
    lost = [ERROR] if failure else []
    return tuple(dict.fromkeys([*lost, *(flag for turn in turns for flag in _flags(turn))]))


def _flags(turn: Turn) -> list[str]:
    found = {
        EMPTY: not scored_text(turn.content).strip(),
        LENGTH: turn.finish_reason == LENGTH,
        TRUNCATED: is_truncated(turn.content),
    }
    return [flag for flag, is_raised in found.items() if is_raised]


def _fields(value: Turn | Failure | Score) -> dict[str, Any]:
    """Do as dataclasses.asdict for what holds no other: a tenth of the time."""
    return {name: getattr(value, name) for name in value.__slots__}
