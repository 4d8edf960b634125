"""Calls: everything that a teacher was asked and what it said, so that nothing is paid twice.

A line before a call holds the request, a line after it the reply as it came; replies are read from
here whenever they are needed, so that better parsing costs nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from client.turn import Failure, Message, Turn
from files.journal import Journal

SYNC_S = 1.0  # a power failure takes the replies of about so long


@dataclass(frozen=True, slots=True)
class Request:
    """One call: a conversation and how it is sampled.

    prompt: name and version of the prompt; attempt: from 0, of the same conversation
    """

    sample_id: str
    model: str
    prompt: str
    messages: tuple[Message, ...]
    options: Mapping[str, Any]
    attempt: int = 0

    @property
    def key(self) -> str:
        """Hash all that the reply may depend on."""
        parts = [self.model, self.messages, dict(self.options), self.prompt, self.attempt]
        text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(slots=True)
class Spending:
    """What replies have cost, as far as the endpoint tells their tokens."""

    num_replies: int = 0
    num_untold: int = 0
    read: int = 0
    written: int = 0

    def add(self, usage: Mapping[str, Any] | None) -> None:
        """Count one reply by its usage."""
        counts = [(usage or {}).get(f"{kind}_tokens") for kind in ("prompt", "completion")]
        self.num_replies += 1
        self.num_untold += not all(isinstance(count, int) for count in counts)
        self.read += counts[0] if isinstance(counts[0], int) else 0
        self.written += counts[1] if isinstance(counts[1], int) else 0


class Calls:
    """The journal of a run's calls; a context manager that alone may write it.

    In memory is where each reply stands, not the reply: about 200 bytes a call.
    """

    def __init__(self, file: Path) -> None:
        self._journal = Journal(file, sync_s=SYNC_S)
        self._places: dict[bytes, int] = {}
        self.spending = Spending()

    def __enter__(self) -> Self:
        """Take the lock and find every reply that is there."""
        self._journal.__enter__()
        for place, line in self._journal.places():
            if "turn" in line:
                self.spending.add(line["turn"].get("usage"))
            if "turn" in line or line.get("is_final"):
                self._places[bytes.fromhex(line["key"])] = place
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._journal.__exit__(kind, error, trace)

    def answer(self, key: str) -> Turn | Failure | None:
        """Return what is known to come of a request, or None: it is to be asked."""
        place = self._places.get(bytes.fromhex(key))
        if place is None:
            return None
        line = self._journal.at(place)
        return Turn(**line["turn"]) if "turn" in line else Failure(**line["failure"])

    def begin(self, key: str, request: Request) -> None:
        """Write down what is about to be asked."""
        self._journal.append(
            {
                "key": key,
                "sample_id": request.sample_id,
                "request": {
                    "model": request.model,
                    "messages": request.messages,
                    **request.options,
                },
                "prompt": request.prompt,
                "attempt": request.attempt,
            }
        )

    def end(self, key: str, answer: Turn | Failure, *, is_final: bool = False) -> None:
        """Write down what came of it; is_final: a failure that the same request would get again."""
        if isinstance(answer, Turn):
            self.spending.add(answer.usage)
            turn = {field.name: getattr(answer, field.name) for field in fields(Turn)}
            self._places[bytes.fromhex(key)] = self._journal.append({"key": key, "turn": turn})
            return
        line = {"key": key, "failure": asdict(answer), "is_final": is_final}
        place = self._journal.append(line)
        if is_final:
            self._places[bytes.fromhex(key)] = place
