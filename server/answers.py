"""Answers: settles what requests demand of their answers, away from the event loop."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from decoding.answer import AnswerConstraint
from decoding.automata import Automata
from decoding.grammars.grammar import GrammarError
from decoding.masks import Masks
from server.errors import QueueFull, RequestError
from server.protocol.chat import ChatCompletionRequest

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request demands of its answer.

    masks: of the automaton that keeps it; param: the field of the request that demands it
    """

    constraint: AnswerConstraint
    masks: Masks
    param: str


class Answers:
    """Finds the automata of constraints, one at a time where they must be made; one per service.

    A compilation cannot be cancelled, but is bounded in time; who gives up waiting finds its
    result at the next attempt.
    """

    def __init__(self, automata: Automata, *, timeout_s: float, max_waiting: int) -> None:
        """Start no thread yet."""
        self._automata = automata
        self._timeout_s = timeout_s
        self._max_waiting = max_waiting
        self._num_waiting = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="constraints")

    async def settle(self, request: ChatCompletionRequest) -> Answer | None:
        """Return what the request demands, compiled; None where any text will do.

        Raises RequestError for a constraint that cannot be, QueueFull where too many are new.
        """
        param = "response_format" if request.structured_outputs is None else "structured_outputs"
        asked = request.structured_outputs or request.response_format
        if asked is None:
            return None
        try:
            constraint = await asyncio.to_thread(asked.constraint)
            if constraint is None:
                return None
            return Answer(constraint, await self._find(constraint), param)
        except GrammarError as error:
            sentence = str(error).rstrip(".")
            raise RequestError(
                f"Invalid '{param}': {sentence}.", param=param, code="invalid_value"
            ) from error

    async def _find(self, constraint: AnswerConstraint) -> Masks:
        masks = self._automata.known_masks(constraint)
        if masks is not None:
            return masks
        if self._num_waiting >= self._max_waiting:
            raise QueueFull("Too many new constraints on answers at once; try again.")
        self._num_waiting += 1
        found = self._thread.submit(self._automata.find_masks, constraint)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(found), self._timeout_s)
        except TimeoutError:
            logger.warning("a constraint on the answer was not ready in %g s", self._timeout_s)
            raise QueueFull("The constraint on the answer is not ready yet; try again.") from None
        finally:
            self._num_waiting -= 1

    def close(self) -> None:
        """Begin no further compilation."""
        self._thread.shutdown(wait=False, cancel_futures=True)
