"""Answered: what one choice answered, put together from its events; never what is hidden."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from server.replies.choice import AnswerDelta, ChoiceEnd, Event, FinishReason, ToolCallDelta
from server.replies.logprobs import AnswerToken


@dataclass(frozen=True, slots=True)
class AnsweredCall:
    """A function that the model called; `arguments` is JSON."""

    id: str
    name: str
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """What one choice answered; `finish_reason` is None where it was not finished."""

    text: str = ""
    tool_calls: list[AnsweredCall] = field(default_factory=list)
    finish_reason: FinishReason | None = None
    budget_hits: frozenset[str] = frozenset()

    def to_dict(self) -> dict[str, Any]:
        """Return it as it is written to a file or a database."""
        return asdict(self) | {"budget_hits": sorted(self.budget_hits)}


class AnswerCollector:
    """Collects the events of one choice; one per choice, reasoning passes it by."""

    def __init__(self) -> None:
        """Stand before the first event."""
        self.tokens: list[AnswerToken] = []
        """The answer's tokens, where their logprobs were asked for."""
        self._end: ChoiceEnd | None = None
        self._texts: list[str] = []
        self._calls: list[tuple[str, str]] = []  # id and name
        self._arguments: list[list[str]] = []

    def add(self, event: Event) -> None:
        """Take what an event adds."""
        if isinstance(event, AnswerDelta):
            self._texts.append(event.text)
            self.tokens += event.logprobs or ()
        elif isinstance(event, ToolCallDelta):
            if event.name is not None:
                self._calls.append((event.id or "", event.name))
                self._arguments.append([])
            self._arguments[event.call].append(event.arguments)
        elif isinstance(event, ChoiceEnd):
            self._end = event

    @property
    def answered(self) -> Answered:
        """What was answered so far."""
        pairs = zip(self._calls, self._arguments, strict=True)
        calls = [AnsweredCall(id, name, "".join(pieces)) for (id, name), pieces in pairs]
        text = "".join(self._texts)
        if self._end is None:
            return Answered(text, calls)
        return Answered(text, calls, self._end.finish_reason, self._end.budget_hits)
