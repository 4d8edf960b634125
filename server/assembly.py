"""What a command line asks for, put together: bundle, settings, engine, application."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decoding.bundle import Bundle
from server.model_folder import find_model

if TYPE_CHECKING:
    from fastapi import FastAPI

    from server.engines.engine import Engine
    from server.engines.vllm_settings import EngineSettings
    from server.service import Service
    from server.settings import Settings


def load(arguments: argparse.Namespace) -> tuple[Bundle, Settings]:
    """Return what a command line serves, and how.

    Raises BundleError, DataFolderError or PolicyError.
    """
    settings = _settings(arguments)
    return Bundle.load(find_model(arguments.folder)), settings


def engine_settings(arguments: argparse.Namespace, bundle: Bundle) -> EngineSettings:
    """Return how a command line wants the engine started; raises BundleError for its drafts."""
    from server.engines.vllm_settings import EngineSettings

    return EngineSettings(
        folder=bundle.folder,
        max_model_len=arguments.max_model_len,
        max_num_seqs=arguments.max_num_seqs,
        max_queue=arguments.max_queue,
        kv_cache_gib=arguments.kv_cache_gib,
        gpu_memory=arguments.gpu_memory,
        dtype=arguments.dtype,
        max_loras=_num_loras(arguments),
        max_lora_rank=arguments.max_lora_rank,
        vllm=_with_draft_model(arguments.engine),
    )


def make_app(arguments: argparse.Namespace, bundle: Bundle, settings: Settings) -> FastAPI:
    """Make the application that a command line asks for; it loads its model when it starts."""
    from server.app import create_app

    async def start_engine() -> Engine:
        from server.engines.vllm_engine import VllmEngine

        return await VllmEngine.start(engine)

    engine = engine_settings(arguments, bundle)
    app = create_app(bundle, settings, start_engine)
    if arguments.otlp_endpoint:
        _trace(app.state.service, arguments.otlp_endpoint)
    if arguments.record:
        _record(app.state.service, arguments.recordings_url)
    if arguments.log_requests is not None:
        _log_requests(app.state.service, arguments.log_requests)
    return app


def _settings(arguments: argparse.Namespace) -> Settings:
    from server.data_folder import database_url
    from server.keys.policy import Keys, Reasoning, check_exposure
    from server.keys.store import has_keys
    from server.settings import Settings

    keys = Keys.load(os.environ.get("REFLECT_API_KEY"), arguments.api_key_file)
    data = _data_folder(arguments.data)
    keys_url = arguments.keys_url or (None if data is None else database_url(data, "keys"))
    is_guarded = bool(keys) or (keys_url is not None and has_keys(keys_url))
    check_exposure(arguments.host, is_guarded=is_guarded, is_insecure=arguments.insecure)
    return Settings(
        reasoning=Reasoning(arguments.reasoning),
        reasoning_field=arguments.reasoning_field,
        keys=keys,
        keys_url=keys_url,
        data=data,
        responses_url=arguments.responses_url,
        response_ttl_s=arguments.response_ttl,
        max_stored_bytes=int(arguments.max_stored_mib * 2**20),
        seal_key=os.environ.get("REFLECT_SEAL_KEY"),
        keep_alive_s=arguments.keep_alive,
        drain_timeout_s=arguments.drain_timeout,
        max_request_bytes=int(arguments.max_request_mib * 2**20),
        max_choices=arguments.max_choices,
        adapters=dict(arguments.lora),
        is_replica=arguments.replicas is not None,
    )


def _data_folder(asked: Path | None) -> Path | None:
    from server.data_folder import default_folder, make_folder

    folder = asked or default_folder()
    return None if folder is None else make_folder(folder)


def _num_loras(arguments: argparse.Namespace) -> int:
    asked: int | None = arguments.max_loras
    return len(arguments.lora) if asked is None else asked


def _with_draft_model(engine: Mapping[str, Any]) -> Mapping[str, Any]:
    """Find the model that drafts as the one that answers; the engine itself fetches nothing."""
    drafts = engine.get("speculative_config") or {}
    if "model" not in drafts or str(drafts.get("method", "")).startswith("ngram"):
        return engine
    model = str(find_model(drafts["model"]))
    return {**engine, "speculative_config": {**drafts, "model": model}}


def _trace(service: Service, endpoint: str) -> None:
    from server.records.tracing import open_tracer

    service.tracer, close = open_tracer(endpoint)
    service.on_close.append(close)


def _log_requests(service: Service, file: Path) -> None:
    from server.records.request_log import RequestLog

    log = RequestLog.open(file)
    service.sinks.append(log)
    service.on_close.append(log.close)


def _record(service: Service, url: str | None) -> None:
    from server.data_folder import DataFolderError, database_url
    from server.database import open_database
    from server.records.recordings import Recorder, Recordings

    folder = service.settings.data
    if url is None and folder is None:
        raise DataFolderError("--record needs a data folder (--data) or --recordings-url")
    recorder = Recorder(Recordings(open_database(url or database_url(folder, "recordings"))))
    service.sinks.append(recorder)
    service.on_close.append(recorder.close)
