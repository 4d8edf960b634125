"""The flags of `reflect serve`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)  # those that vLLM has kernels for
EXAMPLES = """examples:
  reflect serve demo
  reflect serve ./my-model --port 9000 --max-model-len 8192
  reflect serve ./my-70b --tensor-parallel-size 8 --enable-chunked-prefill
  REFLECT_API_KEY=a-long-secret-key reflect serve demo --host 0.0.0.0
"""


def parse(argv: list[str] | None = None, prog: str = "reflect serve") -> argparse.Namespace:
    """Read a command line that starts an engine; exits with help or a refusal as argparse does.

    engine: the arguments of vLLM's that were given, by name; only for them is vLLM imported
    """
    argv = sys.argv[1:] if argv is None else argv
    parser = _parser(prog)
    _, rest = parser.parse_known_args(argv)
    if not any(word.startswith("-") for word in rest):
        return parser.parse_args(argv, argparse.Namespace(engine={}))
    from server.engines import flags as engine_flags

    try:
        return engine_flags.parse(argv, parser)
    except engine_flags.FlagError as error:
        parser.error(str(error))


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Serve a model behind the OpenAI API; its reasoning is enforced and hidden.",
        epilog=EXAMPLES,
        allow_abbrev=False,
        conflict_handler="resolve",  # where vLLM has a flag of the same name, this is the one
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", metavar="FOLDER_OR_NAME", help="a model folder, or demo")
    _add_http_flags(parser.add_argument_group("HTTP"))
    _add_policy_flags(parser.add_argument_group("policy"))
    _add_data_flags(parser.add_argument_group("data"))
    _add_engine_flags(
        parser.add_argument_group(
            "engine",
            "vLLM's own engine arguments are taken too (tensor-parallel-size, quantization, ...), "
            "but for those that would break the reply format or show what is hidden",
        )
    )
    return parser


def _add_http_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    add("--port", type=int, default=8000, help="port to listen on (default 8000)")
    add(
        "--replicas", type=_replicas, metavar="MIN[:MAX]",
        help="servers behind Ray Serve, as many as requests ask for (default none: this one alone)",
    )  # fmt: skip
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
    add(
        "--otlp-endpoint", default=os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"), metavar="URL",
        help="send a trace of each request to this OpenTelemetry collector, by OTLP over HTTP "
        "(default OTEL_EXPORTER_OTLP_ENDPOINT, else none)",
    )  # fmt: skip


def _add_policy_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--reasoning", choices=["hidden", "visible"], default="hidden",
        help="visible lets a request that says include_reasoning have it (default hidden)",
    )  # fmt: skip
    add(
        "--reasoning-field", choices=["reasoning", "reasoning_content"], default="reasoning",
        help="the name under which it is sent; older clients look for reasoning_content "
        "(default reasoning)",
    )  # fmt: skip
    add(
        "--api-key-file", type=Path, metavar="FILE",
        help="API keys, one a line, raw or as sha256:HEX; the variable REFLECT_API_KEY adds one "
        "(default no key)",
    )  # fmt: skip
    add(
        "--keys-url", metavar="URL",
        help="database of the keys that `reflect keys` makes, SQLite or PostgreSQL "
        "(default keys.db of the data folder)",
    )  # fmt: skip
    add(
        "--insecure", action="store_true",
        help="listen beyond this machine although no API key is set (default off)",
    )  # fmt: skip


def _add_data_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--data", type=Path, metavar="DIR",
        help="folder of keys, stored responses and recordings; the variable REFLECT_DATA names "
        "it too, and empty keeps nothing (default ~/.local/share/reflection-runtime)",
    )  # fmt: skip
    add(
        "--responses-url", metavar="URL",
        help="database of stored responses, such as postgresql+psycopg://user@host/name "
        "(default a SQLite file in the data folder)",
    )  # fmt: skip
    add(
        "--response-ttl", type=_seconds, default=30 * 86400.0, metavar="SECONDS",
        help="how long responses are stored (default 2592000, which are 30 days)",
    )  # fmt: skip
    add(
        "--max-stored-mib", type=float, default=256.0, metavar="MIB",
        help="how much the stored responses of one key may take; its oldest go first "
        "(default 256)",
    )  # fmt: skip
    add(
        "--log-requests", type=Path, metavar="FILE",
        help="write the texts of all requests and answers to this file, never the reasoning; "
        "nothing else ever logs texts (default off)",
    )  # fmt: skip
    add(
        "--record", action="store_true",
        help="record the requests and answers of keys that consent (default off)",
    )  # fmt: skip
    add(
        "--recordings-url", metavar="URL",
        help="database of the recordings (default recordings.db in the data folder)",
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
        "--gpu-memory", "--gpu-memory-utilization", type=float, default=0.9, metavar="SHARE",
        help="share of a GPU's memory to use, 0 to 1 (default 0.9)",
    )  # fmt: skip
    add(
        "--dtype", default="auto", choices=["auto", "float32", "bfloat16", "float16"],
        help="what the model computes in (default auto: the checkpoint's, where the machine can)",
    )  # fmt: skip
    add(
        "--lora", action="append", type=_adapter, default=[], metavar="NAME=FOLDER",
        help="serve a LoRA adapter as a model of that name; may be repeated (default none)",
    )  # fmt: skip
    add(
        "--max-loras", type=int, metavar="N",
        help="adapters in one batch; more than 0 lets administrators load others "
        "(default 0, or as many as are named here)",
    )  # fmt: skip
    add(
        "--max-lora-rank", type=int, default=16, choices=LORA_RANKS,
        help="largest rank of an adapter (default 16)",
    )  # fmt: skip


def _adapter(text: str) -> tuple[str, Path]:
    name, _, folder = text.partition("=")
    if not name or not folder:
        raise argparse.ArgumentTypeError("NAME=FOLDER")
    return name, Path(folder)


def _replicas(text: str) -> tuple[int, int]:
    least, _, most = text.partition(":")
    value = int(least), int(most or least)
    if not 1 <= value[0] <= value[1]:
        raise argparse.ArgumentTypeError("a number of servers, 1 or more, or the least and most")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError("a number of seconds, 0 or more")
    return value
