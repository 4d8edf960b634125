"""Service: the engine and the model behind the routes, from loading to draining."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from enum import StrEnum

from opentelemetry import trace

from decoding.budget import Budget, BudgetError
from decoding.bundle import Bundle, GoldenReply
from server.answers import Answers
from server.engine import Engine, Sampling
from server.errors import EngineDead, EngineRefused, Unavailable
from server.exchanges import Sink
from server.keys.keyring import Keyring
from server.keys.store import KeyStore
from server.metrics import Metrics
from server.model import ServedModel
from server.policy import Policy, Reasoning
from server.rates import Rates
from server.settings import Settings

logger = logging.getLogger(__name__)

StartEngine = Callable[[], Awaitable[Engine]]
LoadModel = Callable[[Bundle], ServedModel]


class Status(StrEnum):
    """Where the service stands."""

    LOADING = "loading"
    READY = "ready"
    REFUSED = "refused"  # the engine runs, but its model is not the one the bundle describes
    FAILED = "failed"
    DRAINING = "draining"


class Service:
    """What all requests share; one per application.

    It is ready once the engine runs, the tables are built and the model, unenforced and greedy,
    has written the bundle's golden replies token by token.
    """

    def __init__(
        self,
        bundle: Bundle,
        settings: Settings,
        start_engine: StartEngine,
        load_model: LoadModel = ServedModel.load,
    ) -> None:
        """Keep what loading will need."""
        self.bundle = bundle
        self.settings = settings
        self.metrics = Metrics()
        self.keyring = _keyring(settings)
        self.rates = Rates(settings.rate_window_s)
        self.sinks: list[Sink] = []
        self.tracer: trace.Tracer = trace.NoOpTracer()
        self.on_close: list[Callable[[], None]] = [self.keyring.close]
        """What else to close at the end, in threads; each may block."""
        self.status = Status.LOADING
        self.reason = "the model is loading"
        self._num_in_flight = 0
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self.started_at_s = int(time.time())
        self.settled = asyncio.Event()
        self.is_loading = False
        """Whether loading began and has not come to its end; a thread cannot be cancelled."""
        self._start_engine = start_engine
        self._load_model = load_model
        self._engine: Engine | None = None
        self._model: ServedModel | None = None
        self._answers: Answers | None = None

    @property
    def engine(self) -> Engine:
        """The engine; raises Unavailable or EngineDead unless it can take requests."""
        self.check_ready()
        if self._engine is None:
            raise Unavailable("The engine is not there.")
        return self._engine

    @property
    def model(self) -> ServedModel:
        """The model; raises Unavailable or EngineDead unless requests can be served."""
        self.check_ready()
        if self._model is None:
            raise Unavailable("The model is not there.")
        return self._model

    @property
    def answers(self) -> Answers:
        """What settles constraints on answers; raises as `model` does."""
        self.check_ready()
        if self._answers is None:
            raise Unavailable("The model is not there.")
        return self._answers

    @property
    def is_alive(self) -> bool:
        """Whether the process is worth keeping: not once its engine has died."""
        return self._engine is None or self._engine.is_healthy

    def check_ready(self) -> None:
        """Raise unless requests can be served now."""
        if not self.is_alive:
            raise EngineDead("The engine has stopped.")
        if self.status is not Status.READY:
            raise Unavailable(f"The server cannot answer now: {self.reason}.")

    def begin_request(self) -> None:
        """Count a request as in flight."""
        self._num_in_flight += 1
        self.metrics.in_flight.inc()
        self._is_idle.clear()

    def end_request(self) -> None:
        """Count it out again."""
        self._num_in_flight -= 1
        self.metrics.in_flight.dec()
        if not self._num_in_flight:
            self._is_idle.set()

    async def load(self) -> None:
        """Build the tables, start the engine, run the self-test; never raises."""
        self.is_loading = True
        await self._load()
        self.is_loading = False

    async def _load(self) -> None:
        started_s = time.perf_counter()
        try:
            # The tables first: a folder that cannot be served should not cost an engine's start.
            self._model = await asyncio.to_thread(self._load_model, self.bundle)
            self._answers = Answers(
                self._model.automata,
                timeout_s=self.settings.constraint_timeout_s,
                max_waiting=self.settings.max_new_constraints,
                max_per_key=self.settings.max_new_constraints_per_key,
            )
            self._engine = await self._start_engine()
            _check_budgets(self._model, self._engine.max_model_len - 1)
            mismatch = await self._self_test(self._engine)
        except BudgetError as error:
            logger.error("the bundle's budgets serve no request: %s", error)
            self._settle(Status.FAILED, f"the bundle's budgets serve no request: {error}")
            return
        except EngineRefused as error:
            logger.error("the engine cannot be started: %s", error)
            self._settle(Status.FAILED, "the engine cannot be started as asked")
            return
        except Exception as error:
            logger.exception("the model could not be loaded")
            self._settle(Status.FAILED, f"the model could not be loaded ({type(error).__name__})")
            return
        if mismatch:
            logger.error("self-test failed: %s", mismatch)
            self._settle(Status.REFUSED, mismatch)
            return
        self._settle(Status.READY, "")
        logger.info("ready after %.1f s: %s", time.perf_counter() - started_s, self.bundle.name)

    async def drain(self) -> None:
        """Admit nothing more and wait until no request is in flight, at most the drain time."""
        self._settle(Status.DRAINING, "the server is shutting down")
        logger.info("draining: %d requests in flight", self._num_in_flight)
        try:
            await asyncio.wait_for(self._is_idle.wait(), self.settings.drain_timeout_s)
        except TimeoutError:
            logger.warning("gave up on %d requests", self._num_in_flight)

    async def close(self) -> None:
        """Stop the engine, and compile nothing more."""
        if self._answers is not None:
            self._answers.close()
        if self._engine is not None:
            await self._engine.close()
        for close in self.on_close:
            await asyncio.to_thread(close)

    def _settle(self, status: Status, reason: str) -> None:
        if self.status is not Status.DRAINING:
            self.status, self.reason = status, reason
        self.settled.set()

    async def _self_test(self, engine: Engine) -> str | None:
        """Return what is wrong with the weights, or None."""
        golden_replies = self.bundle.golden_replies
        if not golden_replies:
            logger.warning("the bundle has no golden replies: the weights go untested")
        for number, golden in enumerate(golden_replies):
            written = await write_greedily(engine, f"self-test-{number}", golden)
            if tuple(written) != golden.token_ids:
                return f"the model does not write golden reply {number} of its bundle"
        return None


def _keyring(settings: Settings) -> Keyring:
    default = Policy(may_see_reasoning=settings.reasoning is Reasoning.VISIBLE)
    store = None if settings.keys_url is None else KeyStore.open(settings.keys_url)
    return Keyring(settings.keys, default, store)


def _check_budgets(model: ServedModel, room: int) -> None:
    """Raise BudgetError where even the shortest prompt leaves the defaults no way to end well."""
    bundle = model.bundle
    for effort in (None, *bundle.efforts.values()):
        Budget.for_request(model.automaton, bundle.budgets, room=room, effort=effort)


async def write_greedily(engine: Engine, request_id: str, golden: GoldenReply) -> list[int]:
    """Return what an engine writes to a golden prompt, unenforced, as long as the golden reply."""
    sampling = Sampling(max_tokens=len(golden.token_ids), temperature=0.0)
    written: list[int] = []
    stream = engine.generate(request_id, golden.prompt_token_ids, sampling, None)
    async with aclosing(stream):
        async for delta in stream:
            written += delta.token_ids
    return written
