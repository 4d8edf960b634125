"""Sample: one question asked once: what came back, whether it could be scored, its score."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from eval.score import Score
from eval.scored_text import is_truncated, scored_text

ERROR, EMPTY, LENGTH, TRUNCATED = "error", "empty", "length", "truncated"


@dataclass(frozen=True, slots=True)
class Turn:
    """What the endpoint answered to one turn of the user.

    content: as it came; reasoning: only where the endpoint shows it
    usage: the numbers of OpenAI's, or None; latency_s: from sending to the last byte
    """

    content: str
    reasoning: str | None = None
    finish_reason: str | None = None
    usage: Mapping[str, Any] | None = None
    latency_s: float = 0.0
    fingerprint: str | None = None

    @property
    def scored_text(self) -> str:
        """The part of the content in which an answer is looked for."""
        return scored_text(self.content)

    @property
    def num_prompt_tokens(self) -> int | None:
        """Tokens read; None where the endpoint does not tell."""
        count = (self.usage or {}).get("prompt_tokens")
        return count if isinstance(count, int) else None

    @property
    def num_tokens(self) -> int | None:
        """Tokens written, thinking included; None where the endpoint does not tell."""
        count = (self.usage or {}).get("completion_tokens")
        return count if isinstance(count, int) else None

    @property
    def num_thinking_tokens(self) -> int | None:
        """Tokens thought, where the endpoint tells."""
        details = (self.usage or {}).get("completion_tokens_details")
        count = details.get("reasoning_tokens") if isinstance(details, dict) else None
        return count if isinstance(count, int) else None

    @property
    def reply(self) -> str | None:
        """The whole reply with its tags, as far as it was shown; None where it is hidden."""
        if self.reasoning is not None:
            return f"<thinking>{self.reasoning}</thinking>\n<output>{self.content}</output>"
        return self.content if "<thinking>" in self.content else None

    def flags(self) -> list[str]:
        """Say what is wrong with it: EMPTY, LENGTH, TRUNCATED (in its thinking)."""
        found = {
            EMPTY: not self.scored_text.strip(),
            LENGTH: self.finish_reason == LENGTH,
            TRUNCATED: is_truncated(self.content),
        }
        return [flag for flag, is_raised in found.items() if is_raised]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no reply: the HTTP status (None: the connection) and what was said."""

    message: str
    status: int | None = None

    @property
    def told(self) -> str:
        """The status, where there is one, and what was said."""
        return self.message if self.status is None else f"{self.status}: {self.message}"


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

    @property
    def status(self) -> Literal["ok", "error"]:
        """Whether there is a reply; a resumed run asks again where there is none."""
        return "error" if self.failure else "ok"

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
        return [turn.scored_text for turn in self.turns]

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
    return tuple(dict.fromkeys([*lost, *(flag for turn in turns for flag in turn.flags())]))


def _fields(value: Turn | Failure | Score) -> dict[str, Any]:
    """Do as dataclasses.asdict for what holds no other: a tenth of the time."""
    return {name: getattr(value, name) for name in value.__slots__}
