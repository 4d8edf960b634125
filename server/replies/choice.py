"""Choice: one reply in the making; token ids in, what the client may see out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from decoding.blank import is_blank
from decoding.format import Section
from decoding.matcher import Matcher
from decoding.parser import Delta, Status
from server.engines.engine import EngineDelta
from server.errors import EngineError
from server.model import ServedModel
from server.plan import Plan
from server.replies.logprobs import AnswerLogprobs, AnswerToken
from server.replies.stops import StopMatcher

logger = logging.getLogger(__name__)

FinishReason = Literal["stop", "length", "tool_calls"]
BUDGETS = ("thinking", "answer")


@dataclass(frozen=True, slots=True)
class AnswerDelta:
    """More text of the answer of a choice."""

    index: int
    text: str
    logprobs: tuple[AnswerToken, ...] | None = None
    """The tokens that are complete with this text, where they were asked for."""


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """More text of the reasoning of a choice; made only where the plan shows it."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """More of a tool call of a choice: the first of a call has its id and name, all arguments.

    call: the number of the call in its choice
    """

    index: int
    call: int
    arguments: str
    id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ChoiceEnd:
    """A choice is complete; "length" where the budget, not the model, ended the answer."""

    index: int
    finish_reason: FinishReason
    budget_hits: frozenset[str] = frozenset()
    stop: str | None = None
    """The stop string that ended the answer."""

    @property
    def hits(self) -> list[str]:
        """The budgets that were hit, as the client reads them."""
        return [name for name in BUDGETS if name in self.budget_hits]


Event = AnswerDelta | ReasoningDelta | ToolCallDelta | ChoiceEnd


class Choice:
    """One of a request's n replies; fed by the engine until `finish_reason` is set.

    Text of thinking and reflections is dropped where it is parsed, unless the plan shows it: no
    other code of the server ever holds it. A reply that is not whole, or whose answer is blank,
    is an EngineError, never a short answer.
    """

    def __init__(self, model: ServedModel, plan: Plan, index: int) -> None:
        """Stand at the start of the reply."""
        self.index = index
        self.finish_reason: FinishReason | None = None
        self.num_stray_tokens = 0
        self._parser = model.parser(plan.budget)
        masks = model.masks if plan.answer is None else plan.answer.masks
        self._matcher = Matcher(masks.automaton, plan.budget, masks)
        self._stop = StopMatcher(plan.stops)
        self._calls = None if plan.answer is None else plan.answer.call_parser()
        self._logprobs: AnswerLogprobs | None = None
        if plan.num_top_logprobs is not None:
            self._logprobs = AnswerLogprobs(model.vocabulary, self._parser, plan.num_top_logprobs)
        self._feeds_one_by_one = bool(plan.stops) or self._logprobs is not None
        self._shows_reasoning = plan.shows_reasoning
        self._format = model.bundle.format
        self._is_direct = plan.budget.skips_thinking(self._format)
        self._shown: tuple[Section, int] | None = None
        self._has_answer = False

    @property
    def num_tokens(self) -> int:
        """Tokens of the reply so far, up to the one that completed a stop string."""
        return self._parser.num_tokens

    @property
    def num_reasoning_tokens(self) -> int:
        """Tokens up to the one that opens the output."""
        return self._parser.num_reasoning_tokens

    @property
    def section(self) -> Section:
        """Where the reply is; between two sections still in thinking."""
        is_past = self._is_direct or self._parser.status is Status.COMPLETE
        return self._parser.section or (Section.OUTPUT if is_past else Section.THINKING)

    @property
    def budget_hits(self) -> frozenset[str]:
        """The sections that a budget closed."""
        return self._matcher.budget_hits

    def feed(self, delta: EngineDelta) -> list[Event]:
        """Take the engine's next tokens and return what they add for the client."""
        events: list[Event] = []
        steps = [(i,) for i in delta.token_ids] if self._feeds_one_by_one else [delta.token_ids]
        for position, token_ids in enumerate(steps):
            if self._logprobs is not None and delta.logprobs is not None:
                self._logprobs.consider(delta.logprobs[position], self._matcher)
            for token_id in token_ids:
                self._accept(token_id)
            events += self._visible(self._parser.feed(token_ids))
            if self._stop.is_hit:
                return [*events, self._end("stop")]
        if delta.finish_reason is not None:
            events += self._finish(delta)
        return events

    def _accept(self, token_id: int) -> None:
        if not self._matcher.accept(token_id):
            if not self.num_stray_tokens:
                logger.error("choice %d: the engine wrote a token out of format", self.index)
            self.num_stray_tokens += 1

    def _finish(self, delta: EngineDelta) -> Iterator[Event]:
        if delta.finish_reason == "abort":
            raise EngineError("The reply was aborted before it was complete.", code="aborted")
        visible = list(self._visible(self._parser.flush()))
        if self._calls is not None and not self._stop.is_hit:
            visible += self._text(self._calls.flush())
        is_whole = self._parser.status is Status.COMPLETE and self._has_answer
        if not ((is_whole and self._has_whole_calls) or self._stop.is_hit):
            logger.error("choice %d: the engine ended a reply that is not whole", self.index)
            raise EngineError("The reply was not complete.", code="incomplete")
        yield from visible
        if held := self._stop.flush():
            yield self._delta(held)
        yield self._end(self._finish_reason(delta))

    @property
    def _has_whole_calls(self) -> bool:
        return self._calls is None or self._calls.is_whole

    def _finish_reason(self, delta: EngineDelta) -> FinishReason:
        """Tell how the reply ended; calls that the budget cut short are not to be relied on."""
        if self._stop.is_hit:
            return "stop"
        if delta.finish_reason == "length" or "answer" in self._matcher.budget_hits:
            return "length"
        return "tool_calls" if self._calls is not None and self._calls.num_calls else "stop"

    def _end(self, reason: FinishReason) -> ChoiceEnd:
        self.finish_reason = reason
        return ChoiceEnd(self.index, reason, self.budget_hits, self._stop.hit)

    def _visible(self, deltas: list[Delta]) -> Iterator[Event]:
        for delta in deltas:
            if self._shows_reasoning:
                yield from self._reasoning(delta)
            if delta.section is Section.OUTPUT:
                self._has_answer = self._has_answer or not is_blank(delta.text)
                yield from self._answer(delta.text)

    def _answer(self, text: str) -> Iterator[Event]:
        for piece in [text] if self._calls is None else self._calls.feed(text):
            if isinstance(piece, str):
                yield from self._text(piece)
            else:
                yield ToolCallDelta(
                    self.index, piece.call, piece.arguments, id=piece.id, name=piece.name
                )

    def _text(self, text: str) -> Iterator[Event]:
        """Pass text of the answer on, up to a stop string; there is none in calls."""
        if text := self._stop.feed(text):
            yield self._delta(text)

    def _delta(self, text: str) -> AnswerDelta:
        logprobs = None if self._logprobs is None else self._logprobs.release(text)
        return AnswerDelta(self.index, text, logprobs)

    def _reasoning(self, delta: Delta) -> Iterator[Event]:
        """Pass reasoning on; the tags of reflections, alone, stay in it."""
        is_shown = delta.section in (Section.THINKING, Section.REFLECTION)
        text = delta.text if is_shown else ""
        if (place := (delta.section, delta.index)) != self._shown:
            text = self._between(self._shown, delta.section if is_shown else None) + text
            self._shown = place
        if text:
            yield ReasoningDelta(self.index, text)

    def _between(self, before: tuple[Section, int] | None, section: Section | None) -> str:
        """Return what stands between a passage and the next one; None is one that is not shown."""
        text = ""
        if before and before[0] is Section.REFLECTION:
            text = f"\n{self._format.close(Section.REFLECTION)}"
        if section and before:
            text += "\n"
        if section is Section.REFLECTION:
            text += f"{self._format.open(section)}\n"
        return text
