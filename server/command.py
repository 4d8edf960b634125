"""Serve a model behind the OpenAI API: `reflect serve FOLDER_OR_NAME`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decoding.bundle import Bundle
    from server.engine import Engine
    from server.settings import Settings

MODELS = Path(__file__).resolve().parent.parent / "models"
KEEP_ALIVE_S = 75  # an idle connection's; longer than the 60 of usual proxies and clients
EXAMPLES = """examples:
  reflect serve demo
  reflect serve ./my-model --port 9000 --max-model-len 8192
  REFLECT_API_KEY=a-long-secret-key reflect serve demo --host 0.0.0.0
"""


def main(argv: list[str] | None = None) -> int:
    """Serve until a signal: 0 after draining, 1 if the model cannot be loaded, 2 if refused."""
    arguments = _parser().parse_args(argv)
    from decoding.bundle import Bundle, BundleError
    from server.policy import PolicyError

    try:
        settings = _settings(arguments)
        bundle = Bundle.load(find_model(arguments.model))
    except (BundleError, PolicyError) as error:
        print(f"reflect serve: {error}", file=sys.stderr)
        return 2
    return _serve(arguments, bundle, settings)


def find_model(name: str) -> Path:
    """Return the folder of a model: a path, the name of one that ships, or one of a hub.

    Raises BundleError naming what there is.
    """
    from decoding.bundle import BundleError

    for folder in (Path(name), MODELS / name):
        if (folder / "config.json").is_file():
            return folder
    if name.count("/") == 1 and not Path(name).exists():
        return _download(name)
    shipped = sorted(path.parent.name for path in MODELS.glob("*/config.json"))
    raise BundleError(
        f"{name} is neither a model folder (one with a config.json) nor one of the models that "
        f"ship: {', '.join(shipped) or 'none is built yet, see `make demo-model`'}"
    )


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download

    from decoding.bundle import BundleError

    try:
        return Path(snapshot_download(name, allow_patterns=["*.json", "*.jinja", "*.safetensors"]))
    except (OSError, ValueError) as error:
        raise BundleError(f"{name} is no folder, and cannot be downloaded: {error}") from error


def _settings(arguments: argparse.Namespace) -> Settings:
    from server.policy import Keys, Reasoning, check_exposure
    from server.settings import Settings

    keys = Keys.load(os.environ.get("REFLECT_API_KEY"), arguments.api_key_file)
    check_exposure(arguments.host, keys, is_insecure=arguments.insecure)
    return Settings(
        reasoning=Reasoning(arguments.reasoning),
        keys=keys,
        keep_alive_s=arguments.keep_alive,
        drain_timeout_s=arguments.drain_timeout,
        max_request_bytes=int(arguments.max_request_mib * 2**20),
        max_choices=arguments.max_choices,
    )


def _serve(arguments: argparse.Namespace, bundle: Bundle, settings: Settings) -> int:
    import uvicorn

    from decoding.automaton_cache import shared_folder
    from server import logs
    from server.app import create_app
    from server.http_server import HttpServer

    async def start_engine() -> Engine:
        from server.vllm_engine import VllmEngine
        from server.vllm_settings import EngineSettings

        return await VllmEngine.start(
            EngineSettings(
                folder=bundle.folder,
                max_model_len=arguments.max_model_len,
                max_num_seqs=arguments.max_num_seqs,
                max_queue=arguments.max_queue,
                kv_cache_gib=arguments.kv_cache_gib,
                gpu_memory=arguments.gpu_memory,
                dtype=arguments.dtype,
            )
        )

    logs.configure(arguments.log_level, arguments.log_format)
    app = create_app(bundle, settings, start_engine)
    config = uvicorn.Config(
        app,
        host=arguments.host,
        port=arguments.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
    )
    server = HttpServer(config, app.state.service)
    with shared_folder():  # the engine's process then finds what this one has compiled
        server.run()
    return server.exit_status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="reflect serve",
        description="Serve a model behind the OpenAI API; its reasoning is enforced and hidden.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="FOLDER_OR_NAME", help="a model folder, or demo")
    _add_http_flags(parser.add_argument_group("HTTP"))
    _add_policy_flags(parser.add_argument_group("policy"))
    _add_engine_flags(parser.add_argument_group("engine"))
    return parser


def _add_http_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    add("--port", type=int, default=8000, help="port to listen on (default 8000)")
    add(
        "--keep-alive", type=_seconds, default=10.0, metavar="SECONDS",
        help="period of the comments in a stream while the model thinks; 0 for none (default 10)",
    )  # fmt: skip
    add(
        "--drain-timeout", type=_seconds, default=120.0, metavar="SECONDS",
        help="how long running requests may take after SIGTERM (default 120)",
    )  # fmt: skip
    add(
        "--max-request-mib", type=float, default=4.0, metavar="MIB",
        help="largest request body in MiB (default 4)",
    )  # fmt: skip
    add("--max-choices", type=int, default=8, help="largest n of a request (default 8)")
    add(
        "--log-level", default="info", choices=["debug", "info", "warning", "error"],
        help="least level of log lines, which never hold text of a prompt or reply (default info)",
    )  # fmt: skip
    add(
        "--log-format", default="text", choices=["text", "json"],
        help="form of the log lines; json is one object a line (default text)",
    )  # fmt: skip


def _add_policy_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--reasoning", choices=["hidden", "visible"], default="hidden",
        help="visible lets a request that says include_reasoning have it (default hidden)",
    )  # fmt: skip
    add(
        "--api-key-file", type=Path, metavar="FILE",
        help="API keys, one a line, raw or as sha256:HEX; the variable REFLECT_API_KEY adds one "
        "(default no key)",
    )  # fmt: skip
    add(
        "--insecure", action="store_true",
        help="listen beyond this machine although no API key is set (default off)",
    )  # fmt: skip


def _add_engine_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--max-model-len", type=int, metavar="TOKENS",
        help="most tokens of prompt and reply together (default what the model has)",
    )  # fmt: skip
    add("--max-num-seqs", type=int, default=64, help="replies written at once (default 64)")
    add("--max-queue", type=int, default=256, help="requests that may wait for them (default 256)")
    add(
        "--kv-cache-gib", type=float, metavar="GIB",
        help="attention cache in GiB (default 1 on a CPU, on a GPU what the weights leave)",
    )  # fmt: skip
    add(
        "--gpu-memory", type=float, default=0.9, metavar="SHARE",
        help="share of a GPU's memory to use, 0 to 1 (default 0.9)",
    )  # fmt: skip
    add(
        "--dtype", default="auto", choices=["auto", "float32", "bfloat16", "float16"],
        help="what the model computes in (default auto: the checkpoint's, where the machine can)",
    )  # fmt: skip


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError("a number of seconds, 0 or more")
    return value


if __name__ == "__main__":
    sys.exit(main())
