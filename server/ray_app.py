"""Replicas of the server behind Ray Serve: `reflect serve MODEL --replicas MIN[:MAX]`.

On a cluster that runs already: `serve run server.ray_app:app model=MODEL replicas=1:4 port=8000`.
Each replica has an engine of its own, and takes requests once it is ready.
"""

from __future__ import annotations

import argparse
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from decoding.automaton_cache import VARIABLE, shared_folder
from decoding.bundle import Bundle
from server.engines.vllm_settings import EngineSettings
from server.records import logs
from server.service import Service, Status
from server.settings import Settings

NAME = "reflect"
KEEP_ALIVE_S = 75  # an idle connection's; longer than the 60 of usual proxies and clients
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # or Ray warns of what its next versions will do
}
QUIET = {"enable_access_log": False, "log_level": "WARNING"}

MakeApp = Callable[[argparse.Namespace, Bundle, Settings], FastAPI]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[Any]]


class ReplicasError(ValueError):
    """Replicas that cannot be started as asked, with what to do instead."""


class Replica:
    """One of the servers; Ray Serve starts it in a process of its own."""

    def __init__(
        self, arguments: argparse.Namespace, bundle: Bundle, settings: Settings, make_app: MakeApp
    ) -> None:
        """Make the application; its model is loaded when Ray Serve starts its lifespan."""
        logs.configure(arguments.log_level, arguments.log_format)
        self._app = make_app(arguments, bundle, settings)
        self._service: Service = self._app.state.service
        self._app.router.lifespan_context = _until_ready(
            self._app.router.lifespan_context, self._service
        )

    def __serve_build_asgi_app__(self) -> ASGIApp:
        """Return what answers the requests; Ray Serve asks for it by this name."""
        return _without_request_id(self._app)

    def check_health(self) -> None:
        """Raise once the engine has died, as /health tells it: the replica is then replaced."""
        if not self._service.is_alive:
            raise RuntimeError("the engine has stopped")


def _without_request_id(app: ASGIApp) -> ASGIApp:
    """Leave out the header that Ray's proxy adds with the same id, and would then stand twice."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [h for h in message["headers"] if h[0].lower() != b"x-request-id"]
                message = {**message, "headers": headers}
            await send(message)

        await app(scope, receive, send_on)

    return answer


def _until_ready(lifespan: Lifespan, service: Service) -> Lifespan:
    """Let a start last until the model is loaded, so that no request waits at a cold replica."""

    @asynccontextmanager
    async def until_ready(app: FastAPI) -> AsyncIterator[Any]:
        with shared_folder():
            async with lifespan(app) as state:
                await service.settled.wait()
                if service.status is not Status.READY:
                    raise RuntimeError(f"the replica is not ready: {service.reason}")
                yield state

    return until_ready


def serve_replicas(
    arguments: argparse.Namespace,
    bundle: Bundle,
    settings: Settings,
    engine: EngineSettings,
    make_app: MakeApp,
) -> int:
    """Serve on the cluster of RAY_ADDRESS, or of this machine, or a new one, until a signal."""
    os.environ.update(ENVIRONMENT)
    import ray
    from ray import serve

    with ExitStack() as stack:
        ray.init(include_dashboard=False, logging_level="ERROR", runtime_env=_runtime_env())
        stack.callback(ray.shutdown)
        is_serving, is_asked = threading.Event(), threading.Event()
        _watch_signals(is_serving, is_asked)
        options = {"host": arguments.host, "port": arguments.port}
        options["keep_alive_timeout_s"] = KEEP_ALIVE_S
        serve.start(proxy_location="EveryNode", http_options=options, logging_config=QUIET)
        stack.callback(serve.shutdown)
        application = deployment(arguments, bundle, settings, engine, make_app)
        try:
            serve.run(application, name=NAME, logging_config=QUIET)
        except RuntimeError:
            return 1
        is_serving.set()
        is_asked.wait()
        serve.delete(NAME)  # waits for its requests, which `shutdown` would cut
    return 0


def _watch_signals(is_serving: threading.Event, is_asked: threading.Event) -> None:
    """Let a signal ask for the end, or end what has not come to serve; `ray.init` sets its own."""

    def on_signal(*_: object) -> None:
        is_asked.set()
        if not is_serving.is_set():
            raise SystemExit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)


def deployment(
    arguments: argparse.Namespace,
    bundle: Bundle,
    settings: Settings,
    engine: EngineSettings,
    make_app: MakeApp,
) -> Any:
    """Return Ray Serve's application of replicas, as many as asked and as requests ask for."""
    import ray
    from ray import serve

    _check(engine)
    least, most = arguments.replicas
    has_gpus = bool(ray.is_initialized() and ray.cluster_resources().get("GPU"))
    replica = serve.deployment(
        serve.ingress()(Replica),
        name=NAME,
        ray_actor_options={"num_cpus": 1, "num_gpus": engine.num_workers if has_gpus else 0},
        # The engine queues by itself, and refuses what is too much with a 503 that says so.
        max_ongoing_requests=2 * (engine.max_num_seqs + engine.max_queue),
        autoscaling_config={
            "min_replicas": least,
            "max_replicas": most,
            "target_ongoing_requests": engine.max_num_seqs,
        },
        graceful_shutdown_timeout_s=settings.drain_timeout_s,
        max_constructor_retry_count=1,
        logging_config=QUIET,
    )
    return replica.bind(arguments, bundle, settings, make_app)


def app(arguments: dict[str, str]) -> Any:
    """Return the application for `serve run`: flags of `reflect serve` by name, and `model`."""
    from server import assembly, flags

    words = {"replicas": "1", **arguments}
    model = words.pop("model", None)
    if model is None:
        raise ReplicasError("say which model: serve run server.ray_app:app model=FOLDER_OR_NAME")
    said = flags.parse([model, *(f"--{name}={value}" for name, value in words.items())])
    bundle, settings = assembly.load(said)
    bundle = replace(bundle, folder=bundle.folder.resolve())
    return deployment(
        said, bundle, settings, assembly.engine_settings(said, bundle), assembly.make_app
    )


def _check(engine: EngineSettings) -> None:
    for name in ("distributed_executor_backend", "data_parallel_backend"):
        if engine.vllm.get(name) == "ray":
            raise ReplicasError(
                f"--replicas cannot be given with --{name.replace('_', '-')} ray: a replica "
                "stands on one node; leave one of the two out"
            )


def _runtime_env() -> dict[str, Any]:
    """Return what replicas on other nodes must know of the environment: no keys."""
    named = {name: os.environ[name] for name in (VARIABLE,) if name in os.environ}
    return {"env_vars": ENVIRONMENT | named}
