"""Exchange: a request and the answers it got, kept where asked for; never what is hidden."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from server.keys.policy import Caller
from server.protocol.chat import ChatCompletionRequest, Usage
from server.replies.answered import AnswerCollector, Answered
from server.replies.choice import Event


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request with its answers, as far as they came; handed on once, at its end."""

    id: str
    caller: Caller
    request: ChatCompletionRequest
    answers: tuple[Answered, ...]
    usage: Usage


class Sink(Protocol):
    """Something that keeps exchanges: the recordings, the log of requests."""

    def wants(self, caller: Caller) -> bool:
        """Tell whether this caller's exchanges are to be kept."""
        ...

    def keep(self, exchange: Exchange) -> None:
        """Take an exchange; returns at once and never raises."""
        ...


class Witness:
    """Puts together what a generation answers, for the sinks that want it; one per request."""

    def __init__(
        self, id: str, caller: Caller, request: ChatCompletionRequest, sinks: Sequence[Sink]
    ) -> None:
        """Begin with answers that are empty."""
        self._id, self._caller, self._request, self._sinks = id, caller, request, sinks
        self._answers = [AnswerCollector() for _ in range(request.n or 1)]

    def see(self, events: Sequence[Event]) -> None:
        """Add what a choice's events bring; reasoning is left out."""
        for event in events:
            self._answers[event.index].add(event)

    def end(self, usage: Usage) -> None:
        """Hand the exchange to the sinks."""
        answers = tuple(answer.answered for answer in self._answers)
        exchange = Exchange(self._id, self._caller, self._request, answers, usage)
        for sink in self._sinks:
            sink.keep(exchange)
