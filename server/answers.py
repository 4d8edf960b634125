"""Answers: settles what requests demand of their answers, away from the event loop."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from decoding.answer import OF_TEXT, AnswerConstraint
from decoding.automata import Automata
from decoding.grammars.dfa import Dfa
from decoding.grammars.grammar import GrammarError
from decoding.masks import Masks
from server.errors import QueueFull, RequestError, ServerError, TooManyRequests
from server.protocol.answer_format import ResponseFormat, StructuredOutputs
from server.protocol.chat import ChatCompletionRequest
from server.protocol.tools import ToolUse
from server.records.logs import trace_of
from server.replies.tool_calls import ToolCallParser

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request demands of its answer.

    masks: of the automaton that keeps it; param: the field of the request that demands it
    heads: what calls of tools begin with, where it may be calls; it `needs_call` or may be text
    """

    constraint: AnswerConstraint
    masks: Masks
    param: str
    heads: Dfa | None = None
    needs_call: bool = False

    def call_parser(self) -> ToolCallParser | None:
        """Make the parser of one answer; None where it cannot be calls."""
        if self.heads is None:
            return None
        return ToolCallParser(self.heads, needs_call=self.needs_call)


@dataclass(slots=True)
class _Compilation:
    """One new constraint on its way through the thread, and how many requests wait for it."""

    constraint: AnswerConstraint
    owner: str | None
    job: Future[Masks]
    done: asyncio.Future[Masks]
    num_waiting: int = 0


class Answers:
    """Finds the automata of constraints, one at a time where they must be made; one per service.

    Requests with the same constraint share its compilation. One that has begun cannot be
    cancelled, but is bounded in time; who gives up waiting finds its result at the next attempt.
    """

    def __init__(
        self, automata: Automata, *, timeout_s: float, max_waiting: int, max_per_key: int
    ) -> None:
        """Start no thread yet; max_per_key: of those that wait, how many one key may bring."""
        self._automata = automata
        self._timeout_s = timeout_s
        self._max_waiting = max_waiting
        self._max_per_key = max_per_key
        self._compilations: dict[AnswerConstraint, _Compilation] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="constraints")

    async def settle(
        self, request: ChatCompletionRequest, key_id: str | None = None
    ) -> Answer | None:
        """Return what the request demands, compiled; None where any text will do.

        Raises RequestError for a constraint that cannot be, QueueFull where too many are new,
        TooManyRequests where too many of these are the key's; no key has a share of its own.
        """
        use, asked = request.tool_use, request.structured_outputs or request.response_format
        if use is None and asked is None:
            return None
        of_text = "response_format" if request.structured_outputs is None else "structured_outputs"
        param = of_text if use is None else "tools"
        try:
            constraint, heads = await asyncio.to_thread(_demand, use, asked)
            if constraint is None:
                return None
            masks = await self._find(constraint, key_id)
            return Answer(constraint, masks, param, heads, bool(use and use.is_required))
        except GrammarError as error:
            reason = str(error).rstrip(".")
            if reason.startswith(OF_TEXT):
                param = of_text
            raise _refusal(param, reason.removeprefix(OF_TEXT)) from error
        except ServerError:
            raise
        except Exception as error:
            logger.error("a constraint broke the compiler: %s", trace_of(error))
            raise _refusal(param, "it cannot be compiled: simplify it") from error

    async def _find(self, constraint: AnswerConstraint, key_id: str | None) -> Masks:
        masks = self._automata.known_masks(constraint)
        if masks is not None:
            return masks
        compilation = self._compilations.get(constraint) or self._begin(constraint, key_id)
        compilation.num_waiting += 1
        try:
            await asyncio.wait({compilation.done}, timeout=self._timeout_s)
        finally:
            self._leave(compilation)
        if not compilation.done.done():
            logger.warning("a constraint on the answer was not ready in %g s", self._timeout_s)
            raise QueueFull("The constraint on the answer is not ready yet; try again.")
        return compilation.done.result()

    def _begin(self, constraint: AnswerConstraint, key_id: str | None) -> _Compilation:
        owners = [compilation.owner for compilation in self._compilations.values()]
        if key_id is not None and owners.count(key_id) >= self._max_per_key:
            raise TooManyRequests(
                f"At most {self._max_per_key} new constraints on answers may be made at once for "
                "one API key; try again.",
                retry_after_s=1,
            )
        if len(self._compilations) >= self._max_waiting:
            raise QueueFull("Too many new constraints on answers at once; try again.")
        job = self._thread.submit(self._automata.find_masks, constraint)
        compilation = _Compilation(constraint, key_id, job, asyncio.wrap_future(job))
        self._compilations[constraint] = compilation
        compilation.done.add_done_callback(lambda _: self._forget(compilation))
        return compilation

    def _leave(self, compilation: _Compilation) -> None:
        """Count a request out; what has not begun is cancelled when nobody waits for it."""
        compilation.num_waiting -= 1
        if not compilation.num_waiting and compilation.job.cancel():
            self._forget(compilation)

    def _forget(self, compilation: _Compilation) -> None:
        if self._compilations.get(compilation.constraint) is compilation:
            del self._compilations[compilation.constraint]
        if compilation.done.done() and not compilation.done.cancelled():
            compilation.done.exception()  # nobody may be left to ask for it

    def close(self) -> None:
        """Begin no further compilation."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _demand(
    use: ToolUse | None, asked: ResponseFormat | StructuredOutputs | None
) -> tuple[AnswerConstraint | None, Dfa | None]:
    """Return the demand on the whole answer, and what calls begin with if it may be calls."""
    if use is None:
        return (None if asked is None else asked.constraint()), None
    functions = [
        {"name": each.name, "parameters": each.parameters, "strict": bool(each.strict)}
        for each in use.functions
    ]
    text = None if asked is None or use.is_required else asked.constraint()
    constraint = AnswerConstraint.tool_call(
        functions, parallel=use.is_parallel, auto=not use.is_required, text=text
    )
    return constraint, constraint.call_heads


def _refusal(param: str, sentence: str) -> RequestError:
    return RequestError(f"Invalid '{param}': {sentence}.", param=param, code="invalid_value")
