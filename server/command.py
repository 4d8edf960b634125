"""Serve a model behind the OpenAI API: `reflect serve FOLDER_OR_NAME`."""

from __future__ import annotations

import argparse
import logging
import sys
from contextlib import ExitStack
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from server import flags

if TYPE_CHECKING:
    from decoding.bundle import Bundle
    from server.settings import Settings

logger = logging.getLogger(__name__)

KEEP_ALIVE_S = 75  # an idle connection's; longer than the 60 of usual proxies and clients


def main(argv: list[str] | None = None) -> int:
    """Serve until a signal: 0 after draining, 1 if the model cannot be loaded, 2 if refused."""
    arguments = flags.parse(argv)
    from decoding.bundle import BundleError
    from server.assembly import load
    from server.data_folder import DataFolderError
    from server.keys.policy import PolicyError
    from server.keys.store import KeyStoreError
    from server.ray_app import ReplicasError
    from server.records.request_log import RequestLogError
    from server.records.tracing import TracingError

    try:
        bundle, settings = load(arguments)
        if arguments.replicas is None:
            return _serve(arguments, bundle, settings)
        return _serve_replicas(arguments, bundle, settings)
    except (
        BundleError, DataFolderError, KeyStoreError, PolicyError, ReplicasError, RequestLogError,
        TracingError,
    ) as error:  # fmt: skip
        print(f"reflect serve: {error}", file=sys.stderr)
        return 2


def _serve(arguments: argparse.Namespace, bundle: Bundle, settings: Settings) -> int:
    import uvicorn

    from decoding.automaton_cache import shared_folder
    from server.assembly import make_app
    from server.http_server import HttpServer
    from server.records import logs

    logs.configure(arguments.log_level, arguments.log_format)
    app = make_app(arguments, bundle, settings)
    logger.info("the page is at %s", page_url(arguments.host, arguments.port))
    config = uvicorn.Config(
        app,
        host=arguments.host,
        port=arguments.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
    )
    with ExitStack() as stack:
        stack.enter_context(shared_folder())  # the engine's process finds what this one compiled
        server = HttpServer(config, app.state.service, on_exit=stack.close)
        server.run()
    return server.exit_status


def _serve_replicas(arguments: argparse.Namespace, bundle: Bundle, settings: Settings) -> int:
    from server.assembly import engine_settings, make_app
    from server.ray_app import serve_replicas

    if find_spec("ray") is None:
        print("reflect serve: --replicas needs Ray: install the extra `ray`", file=sys.stderr)
        return 2
    bundle = replace(bundle, folder=bundle.folder.resolve())  # replicas may stand elsewhere
    engine = engine_settings(arguments, bundle)
    return serve_replicas(arguments, bundle, settings, engine, make_app)


def page_url(host: str, port: int) -> str:
    """Return where a browser on this machine finds the page, also when it listens everywhere."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104
    return f"http://[{name}]:{port}/" if ":" in name else f"http://{name}:{port}/"


if __name__ == "__main__":
    sys.exit(main())
