"""Service: the engine and the model behind the routes, from loading to draining."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum

from opentelemetry import trace

from decoding.budget import BudgetError
from decoding.bundle import Bundle
from server.adapters import Adapters
from server.answers import Answers
from server.engines.engine import Engine
from server.errors import EngineDead, EngineRefused, Unavailable
from server.in_flight import InFlight
from server.keys.keyring import Keyring
from server.keys.policy import Policy, Reasoning
from server.keys.rates import Rates
from server.keys.store import KeyStore
from server.model import ServedModel
from server.promotion.canary import find_mismatch
from server.promotion.gate import Gate
from server.records.metrics import Metrics
from server.replies.exchanges import Sink
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
        self._status = Status.LOADING
        self._reason = "the model is loading"
        self._is_draining = False
        self.gate = Gate(hold_s=settings.hold_s, max_held=settings.max_held)
        self.adapters = Adapters()
        self.in_flight = InFlight(self.metrics.in_flight)
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
    def status(self) -> Status:
        """Where the service stands; what drains says so, whatever else it does."""
        return Status.DRAINING if self._is_draining else self._status

    @property
    def is_draining(self) -> bool:
        """Whether it ends as soon as what it let in has ended."""
        return self._is_draining

    @property
    def reason(self) -> str:
        """Why it is not ready."""
        return "the server is shutting down" if self._is_draining else self._reason

    @property
    def engine(self) -> Engine:
        """The engine, for requests that were let in; raises Unavailable or EngineDead."""
        self._check_sound()
        if self._engine is None:
            raise Unavailable("The engine is not there.")
        return self._engine

    @property
    def model(self) -> ServedModel:
        """The model, for requests that were let in; raises as `engine` does."""
        self._check_sound()
        if self._model is None:
            raise Unavailable("The model is not there.")
        return self._model

    @property
    def fingerprint(self) -> str | None:
        """Which weights are served; None until they are known."""
        return None if self._model is None else self._model.fingerprint

    @property
    def answers(self) -> Answers:
        """What settles constraints on answers; raises as `engine` does."""
        self._check_sound()
        if self._answers is None:
            raise Unavailable("The model is not there.")
        return self._answers

    @property
    def max_model_len(self) -> int | None:
        """The most tokens of prompt and reply together; None until the engine runs."""
        return None if self._engine is None else self._engine.max_model_len

    @property
    def is_alive(self) -> bool:
        """Whether the process is worth keeping: not once its engine has died."""
        return self._engine is None or self._engine.is_healthy

    def check_ready(self) -> None:
        """Raise unless new requests can be served now."""
        self._check_sound()
        if self._is_draining:
            raise Unavailable(f"The server cannot answer now: {self.reason}.")

    def _check_sound(self) -> None:
        """Raise unless what was let in can be served; a server that drains still does that."""
        if not self.is_alive:
            raise EngineDead("The engine has stopped.")
        if self._status is not Status.READY:
            raise Unavailable(f"The server cannot answer now: {self.reason}.")

    def find_model(self, name: str) -> ServedModel:
        """Return the adapter of that name, else the model; raises as `engine` does."""
        model = self.model
        return self.adapters.find(name) or model

    def check_promotable(self) -> None:
        """Raise unless the engine can take other weights, be the present ones sound or not."""
        if self._is_draining:
            raise Unavailable(f"The server takes no weights now: {self.reason}.")
        self.served_by_engine()

    def served_by_engine(self) -> tuple[ServedModel, Engine]:
        """Return the model and the engine that runs, be its weights sound or not."""
        if not self.is_alive:
            raise EngineDead("The engine has stopped.")
        if self._engine is None or self._model is None or self.is_loading:
            raise Unavailable(f"The server has no engine to give weights to: {self.reason}.")
        return self._model, self._engine

    def take(self, model: ServedModel) -> None:
        """Serve a model whose weights the engine has, and was tested with."""
        self._model, self.bundle = model, model.bundle
        self._settle(Status.READY, "")

    def refuse(self, reason: str) -> None:
        """Serve nothing, as the engine has the weights of no bundle."""
        self._settle(Status.REFUSED, reason)

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
            self._model.check_budgets(self._engine.max_model_len - 1)
            mismatch = await find_mismatch(self._engine, self.bundle)
            unfit = await self.adapters.load_all(self.settings.adapters, self._model, self._engine)
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
        if unfit:
            logger.error("an adapter cannot be served: %s", unfit)
            self._settle(Status.FAILED, f"an adapter cannot be served: {unfit}")
            return
        self._settle(Status.READY, "")
        logger.info("ready after %.1f s: %s", time.perf_counter() - started_s, self.bundle.name)

    async def drain(self) -> None:
        """Admit nothing more and wait until no request is in flight, at most the drain time."""
        self._is_draining = True
        self.settled.set()
        logger.info("draining: %d requests in flight", self.in_flight.count)
        try:
            await self.in_flight.wait_until_none(self.settings.drain_timeout_s)
        except TimeoutError:
            logger.warning("gave up on %d requests", self.in_flight.count)

    async def close(self) -> None:
        """Stop the engine, and compile nothing more."""
        if self._answers is not None:
            self._answers.close()
        if self._engine is not None:
            await self._engine.close()
        for close in self.on_close:
            await asyncio.to_thread(close)

    def _settle(self, status: Status, reason: str) -> None:
        self._status, self._reason = status, reason
        self.settled.set()


def _keyring(settings: Settings) -> Keyring:
    default = Policy(may_see_reasoning=settings.reasoning is Reasoning.VISIBLE)
    store = None if settings.keys_url is None else KeyStore.open(settings.keys_url)
    return Keyring(settings.keys, default, store)
