"""Attempts: the student's own answers to questions, sampled at an endpoint and kept in a journal.

`attempts.jsonl` in the run's folder has a line an answer; what is there is not asked again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client.endpoint import AskError, Endpoint
from client.retries import Retries
from client.together import together
from files.journal import Journal
from train.building.settings import Attempts
from train.errors import DataError
from train.run_folder import ATTEMPTS


@dataclass(frozen=True, slots=True)
class Ask:
    """One answer that is wanted. key: of the model, the prompt and how it is sampled."""

    key: str
    prompt: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the student, a model of that name, answered. thoughts: "" where it shows none."""

    key: str
    content: str
    thoughts: str = ""
    finish_reason: str | None = None
    model: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether it came to its end, with something to say."""
        return self.finish_reason != "length" and bool(self.content.strip())


def asks_of(settings: Attempts, prompt: str, seed: int) -> list[Ask]:
    """Return the answers wanted to one question; each has a seed of its own."""
    asks = []
    for number in range(settings.samples):
        fields = {
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            "max_tokens": settings.max_tokens,
        }
        asked = [settings.model, prompt, fields, seed, number]
        digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
        asks.append(Ask(digest[:32], prompt, fields | {"seed": int(digest[:8], 16) >> 1}))
    return asks


def read_attempts(folder: Path) -> dict[str, Attempt]:
    """Return what the journal has, by key; of two lines with one key the first."""
    found: dict[str, Attempt] = {}
    for line in Journal(folder / ATTEMPTS):
        attempt = Attempt(
            line["key"],
            line["content"],
            line["thoughts"] or "",
            line["finish_reason"],
            line["model"],
        )
        found.setdefault(attempt.key, attempt)
    return found


async def sample_attempts(
    settings: Attempts,
    asks: Sequence[Ask],
    folder: Path,
    told: Callable[[], object] = lambda: None,
    retries: Retries | None = None,
) -> int:
    """Ask what the journal lacks; return how many got no answer, which the next run asks again.

    told: hears of each that is done. Raises EndpointError where the endpoint is no use at all,
    DataError where the journal has the answers of another model than it serves.
    """
    known = read_attempts(folder)
    waiting = iter([ask for ask in asks if ask.key not in known])
    for _ in range(sum(ask.key in known for ask in asks)):
        told()
    endpoint = Endpoint(
        settings.base_url,
        settings.model or None,
        os.environ.get(settings.key_variable),
        settings.concurrency,
        settings.timeout_s,
        retries or Retries(settings.max_attempts),
    )
    with Journal(folder / ATTEMPTS) as journal:
        async with endpoint:
            await endpoint.find_model()
            others = {known[ask.key].model for ask in asks if ask.key in known} - {endpoint.model}
            if others:  # keys of a model that is not named do not tell them apart
                raise DataError(
                    f"{folder / ATTEMPTS} has answers of {', '.join(sorted(others))}, and "
                    f"{settings.base_url} serves {endpoint.model}: serve that again, name one in "
                    "[build.attempts].model, or move the file away"
                )
            workers = (_work(endpoint, waiting, journal, told) for _ in range(endpoint.concurrency))
            return sum(await together(workers))


async def _work(
    endpoint: Endpoint, waiting: Iterator[Ask], journal: Journal, told: Callable[[], object]
) -> int:
    """Ask until nothing waits; return how many got no answer."""
    num_failed = 0
    for ask in waiting:
        try:
            turn = await endpoint.ask([{"role": "user", "content": ask.prompt}], ask.fields)
        except AskError:
            num_failed += 1
        else:
            journal.append(
                {
                    "key": ask.key,
                    "prompt": ask.prompt,
                    "content": turn.content,
                    "thoughts": turn.reasoning,
                    "finish_reason": turn.finish_reason,
                    "model": endpoint.model,
                }
            )
        told()
    return num_failed
