"""Promoter: puts other weights into the running engine, and the old ones back if they fail."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path

from decoding.budget import BudgetError
from server.engines.engine import Engine
from server.errors import (
    Conflict,
    EngineDead,
    EngineError,
    PromotionFailed,
    RequestError,
    RolledBack,
    ServerError,
    Unavailable,
)
from server.model import ServedModel
from server.promotion.canary import find_mismatch
from server.promotion.candidate import check_candidate
from server.protocol.admin import Promotion, PromotionRequest
from server.service import Service

logger = logging.getLogger(__name__)


class Stage(StrEnum):
    """What a promotion does now."""

    CHECKING = "checking"  # the folder, while requests go on
    WAITING = "waiting"  # for the running replies; new requests are held from here on
    LOADING = "loading"
    TESTING = "testing"
    ROLLING_BACK = "rolling_back"


class NotPausedError(Exception):
    """The engine goes on as it was: no weights were touched."""


class Promoter:
    """Runs one promotion at a time; one per application.

    No request is dropped: those that run end with the weights they began with, those that come are
    held at the gate and get the new ones. A promotion goes on when whoever asked for it has left.
    """

    def __init__(self, service: Service) -> None:
        """Take the service whose weights are to change."""
        self._service = service
        self._task: asyncio.Task[Promotion] | None = None
        self.stage: Stage | None = None
        self.last: Promotion | None = None
        self.last_error: ServerError | None = None

    async def promote(self, request: PromotionRequest) -> Promotion:
        """Serve a folder's weights from now on.

        Raises RequestError for a folder that cannot be, Unavailable where running replies take too
        long, Conflict while another promotion runs, RolledBack or PromotionFailed.
        """
        self.check_idle()
        self._service.check_promotable()
        self._task = asyncio.create_task(self._run(request), name="promotion")
        self._task.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(self._task)

    def check_idle(self) -> None:
        """Raise Conflict while a promotion runs."""
        if self._task is not None and not self._task.done():
            raise Conflict("A promotion is running; wait for its end.", code="promotion_running")

    async def close(self) -> None:
        """Break off a promotion that still runs: its engine is about to end."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self, request: PromotionRequest) -> Promotion:
        self.last, self.last_error = None, None
        self._service.in_flight.begin()  # a drain waits for it
        try:
            self.last = await self._promote(request)
        except asyncio.CancelledError:
            # What the gate held goes on now, and nobody knows which weights the engine has.
            self._service.refuse("the server stopped while it took new weights")
            raise
        except ServerError as error:
            self.last_error = error
            logger.error("promotion: %s", error.message)
            raise
        except Exception:
            logger.exception("the promotion failed")
            self.last_error = EngineError("The server had an error while promoting; see its log.")
            raise self.last_error from None
        finally:
            self.stage = None
            self._service.in_flight.end()
        logger.info("promoted %s in %.1f s", self.last.fingerprint, self.last.total_s)
        return self.last

    async def _promote(self, request: PromotionRequest) -> Promotion:
        self.stage = Stage.CHECKING
        started_s = time.perf_counter()
        served, engine = self._service.served_by_engine()
        new = await asyncio.to_thread(check_candidate, Path(request.folder), served)
        self._check(new, request, engine.max_model_len)
        self.stage = Stage.WAITING
        try:
            async with self._service.gate.emptied(request.wait_s):
                paused_s = time.perf_counter()
                await self._replace(served, new)
                held_s = time.perf_counter() - paused_s
                num_held = self._service.gate.num_held
        except TimeoutError:
            raise Unavailable(
                f"Replies still ran after {request.wait_s:g} s; nothing has changed: try again, "
                "or give them more time with 'wait_s'.",
                code="replies_running",
            ) from None
        return Promotion(
            fingerprint=new.fingerprint,
            previous_fingerprint=served.fingerprint,
            num_held=num_held,
            swap_s=round(held_s, 3),
            total_s=round(time.perf_counter() - started_s, 3),
        )

    def _check(self, new: ServedModel, request: PromotionRequest, max_model_len: int) -> None:
        """Refuse what would serve no request, or could not be tested."""
        if not new.bundle.golden_replies and not request.is_untested:
            raise RequestError(
                "The bundle has no golden replies, so nobody could tell whether its weights "
                "arrived; 'is_untested' promotes it all the same.",
                param="folder",
                code="promotion_refused",
            )
        try:
            new.check_budgets(max_model_len - 1)
        except BudgetError as error:
            raise RequestError(
                f"The bundle's budgets serve no request: {error}.",
                param="folder",
                code="promotion_refused",
            ) from error
        if self._service.adapters.is_changing:
            raise Conflict(
                "An adapter is being loaded or unloaded; wait for its end.",
                code="adapters_changing",
            )
        adapters = [model.bundle.name for model in self._service.adapters.models]
        if adapters:
            raise Conflict(
                f"Adapters that were made for the present weights are loaded: unload "
                f"{', '.join(adapters)} first.",
                code="adapters_loaded",
            )

    async def _replace(self, old: ServedModel, new: ServedModel) -> None:
        """Load and test the new weights, or put the old ones back; nobody is inside the gate."""
        metric = self._service.metrics.promotions
        try:
            reason = await self._install(new)
        except NotPausedError as error:
            raise Unavailable(
                "The engine could not be paused; nothing has changed, the old weights serve: try "
                "again, or see the server's log.",
                code="not_paused",
            ) from error
        if reason is None:
            self._service.take(new)
            metric.labels("promoted").inc()
            return
        logger.error("the new weights are taken back: %s", reason)
        self.stage = Stage.ROLLING_BACK
        try:
            worse = await self._install(old)
        except NotPausedError:
            worse = "the engine could not be paused"
        if worse is None:
            self._service.take(old)
            metric.labels("rolled_back").inc()
            raise RolledBack(f"The new weights were taken back, the old ones serve: {reason}.")
        metric.labels("failed").inc()
        self._service.refuse(worse)
        raise PromotionFailed(
            f"The new weights failed ({reason}) and the old ones cannot be put back ({worse}): "
            "promote a folder that works, or restart the server."
        )

    def _advance(self, stage: Stage) -> None:
        """Note what is done now; a rollback is one to its end."""
        if self.stage is not Stage.ROLLING_BACK:
            self.stage = stage

    async def _install(self, model: ServedModel) -> str | None:
        """Put weights into the engine and test them; return what is wrong, or None.

        Raises NotPausedError where it has the weights it had.
        """
        _, engine = self._service.served_by_engine()
        try:
            self._advance(Stage.LOADING)
            async with _paused(engine):
                await engine.reload(model.bundle.folder)
            self._advance(Stage.TESTING)
            return await find_mismatch(engine, model.bundle)
        except NotPausedError:
            raise
        except EngineError as error:
            return error.message.rstrip(".")
        except Exception as error:
            logger.exception("the weights could not be loaded")
            return f"the weights could not be loaded ({type(error).__name__})"


@asynccontextmanager
async def _paused(engine: Engine) -> AsyncIterator[None]:
    """Let nothing run meanwhile; raise NotPausedError where the engine cannot, and goes on."""
    try:
        await engine.pause()
    except EngineDead:
        raise
    except Exception as error:
        logger.exception("the engine could not be paused")
        await engine.resume()
        raise NotPausedError from error
    try:
        yield
    finally:
        await engine.resume()
