"""The flags that say how a judge is reached and asked, of every command that has one."""

from __future__ import annotations

import argparse
import json
import os
from typing import Any

from client.endpoint import Endpoint
from eval.judges.judge import Judge
from eval.running.flag_values import count, positive, seconds

BASE_URL = "http://127.0.0.1:8000/v1"
KEYS = ("REFLECT_JUDGE_KEY", "REFLECT_API_KEY", "OPENAI_API_KEY")


def add_arguments(parser: argparse.ArgumentParser, is_required: bool) -> None:
    """Declare them; the judge's name is what makes a command judge."""
    group = parser.add_argument_group("the judge (pairwise, alpaca_eval, mt_bench)")
    group.add_argument(
        "--judge-model",
        required=is_required,
        metavar="NAME",
        help="who judges, by its name at its endpoint; the key comes from REFLECT_JUDGE_KEY, else "
        "REFLECT_API_KEY or OPENAI_API_KEY"
        + ("" if is_required else " (default: nobody; `eval judge` does it later)"),
    )
    group.add_argument(
        "--judge-base-url",
        default=BASE_URL,
        metavar="URL",
        help=f"an OpenAI-compatible endpoint (default {BASE_URL})",
    )
    group.add_argument(
        "--reference",
        metavar="NAME",
        help="alpaca_eval: the other side, gpt4_1106_preview or text_davinci_003 (default: the "
        "first)",
    )
    group.add_argument(
        "--judge-json",
        action="store_true",
        help="hold the judge to a JSON schema: grades without reasons, all of them readable; for "
        "judges that think before they answer (default: reasons, then a line of grades)",
    )
    group.add_argument(
        "--judge-probe",
        type=count,
        default=20,
        metavar="N",
        help="show it a constant, hostile answer to N questions as well (default 20)",
    )
    _add_requests(group)


def _add_requests(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--judge-concurrency",
        type=positive,
        default=8,
        metavar="N",
        help="verdicts at once (default 8)",
    )
    group.add_argument(
        "--judge-max-tokens",
        type=positive,
        default=2048,
        metavar="N",
        help="tokens of a verdict, its reasons included (default 2048)",
    )
    group.add_argument(
        "--judge-timeout", type=seconds, default=600.0, metavar="S", help="seconds (default 600)"
    )
    group.add_argument(
        "--judge-fields",
        type=fields,
        default={},
        metavar="JSON",
        help="more fields of its requests, null leaves one out: '{\"temperature\": null}'",
    )


def fields(text: str) -> dict[str, Any]:
    """Read --judge-fields."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from error
    if not isinstance(found, dict):
        raise argparse.ArgumentTypeError("a JSON object was expected")
    return found


def judge(args: argparse.Namespace) -> Judge:
    """Return who judges and how it is asked."""
    return Judge(args.judge_model, args.judge_json, args.judge_max_tokens, args.judge_fields)


def endpoint(args: argparse.Namespace) -> Endpoint:
    """Return where the judge is; its key comes from the environment and is kept nowhere else."""
    key = next(filter(None, map(os.environ.get, KEYS)), None)
    return Endpoint(
        args.judge_base_url, args.judge_model, key, args.judge_concurrency, args.judge_timeout
    )
