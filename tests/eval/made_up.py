"""Made-up samples for tests: one call a sample, right or wrong, in tokens and seconds."""

from __future__ import annotations

from typing import Any

from eval.sample import Failure, Sample, Turn
from eval.score import Score


def turn(content: str = "42", thinking: int = 30, output: int = 10, **fields: Any) -> Turn:
    """Return a turn with OpenAI's usage of so many tokens."""
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": thinking + output,
        "completion_tokens_details": {"reasoning_tokens": thinking},
    }
    given: dict[str, Any] = {"finish_reason": "stop", "usage": usage, "latency_s": 0.5}
    return Turn(content, **given | fields)


def sample(
    id: str,
    value: float = 1.0,
    *,
    epoch: int = 0,
    group: str = "",
    extracted: str | None = "42",
    compat: float | None = None,
    turns: tuple[Turn, ...] | None = None,
    flags: tuple[str, ...] = (),
    **score: Any,
) -> Sample:
    """Return a scored sample."""
    return Sample(
        id=id,
        epoch=epoch,
        group=group,
        prompt_sha256="0" * 64,
        turns=(turn(),) if turns is None else turns,
        score=Score(value, extracted, "last number", compat, **score),
        flags=flags,
    )


def failed(id: str, epoch: int = 0, group: str = "") -> Sample:
    """Return a sample that the endpoint refused."""
    failure = Failure("no such model", 400)
    return Sample(id, epoch, group, "0" * 64, failure=failure, flags=("error",))
