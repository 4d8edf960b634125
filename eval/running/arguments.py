"""The flags of commands that ask a model questions, and what they stand for."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from client.endpoint import Endpoint
from client.retries import Retries
from eval.errors import EvalError
from eval.measures.usage import Prices
from eval.running.flag_values import (
    count,
    positive,
    price,
    request_field,
    seconds,
    share,
    temperature,
)
from eval.running.plan import Plan, make_plan
from eval.running.protocol import Protocol, Treatment
from eval.running.run_set import Settings
from eval.running.side import Side, key
from eval.task import Task
from eval.tasks import lm_eval_protocol

BASE_URL = "http://127.0.0.1:8000/v1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare all flags but the tasks themselves."""
    _add_models(parser)
    _add_questions(parser)
    _add_requests(parser)
    _add_run(parser)


def _add_models(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("whom to ask")
    group.add_argument(
        "--base-url",
        default=BASE_URL,
        metavar="URL",
        help="an OpenAI-compatible endpoint; its key comes from REFLECT_API_KEY or OPENAI_API_KEY "
        f"(default {BASE_URL})",
    )
    group.add_argument(
        "--model",
        help="a name at the endpoint, or a FOLDER, which is served meanwhile (default: the model "
        "that the endpoint serves)",
    )
    group.add_argument(
        "--baseline",
        nargs="+",
        default=[],
        metavar="MODEL",
        help="ask others the same in the same run set, and compare: NAME, FOLDER, URL or URL#NAME",
    )


def _add_questions(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what to ask")
    group.add_argument(
        "--data",
        type=Path,
        metavar="PATH",
        help="the folder of data sets, or the one file of the task (default: by their public "
        "names, with the extra `hub`)",
    )
    group.add_argument(
        "--limit",
        type=positive,
        metavar="N",
        help="N questions, for everybody the same ones: those whose ids have the least hashes, not "
        "the first N of a file that may be sorted (default: all)",
    )
    group.add_argument(
        "--few-shot",
        type=count,
        metavar="K",
        help="examples before each question (default: task's)",
    )
    group.add_argument(
        "--protocol",
        choices=("ours", lm_eval_protocol.NAME),
        default="ours",
        help="whose prompts: ours, or those of lm-eval's Llama tasks, from the installed package "
        "(default: ours)",
    )
    group.add_argument("--system", metavar="TEXT", help="a system prompt (default: none)")


def _add_requests(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how to ask")
    group.add_argument(
        "--temperature",
        type=temperature,
        metavar="T",
        help="0 to 2, or `model`: leave it to the server (default: task's, mostly 0)",
    )
    group.add_argument("--top-p", type=share, metavar="P", help="0 to 1 (default: the server's)")
    group.add_argument(
        "--max-tokens", type=positive, metavar="N", help="of a whole reply (default: the server's)"
    )
    group.add_argument(
        "--effort", metavar="NAME", help="reasoning_effort: none, low, … (default: the server's)"
    )
    group.add_argument("--seed", type=int, metavar="N", help="of each request (default: none)")
    group.add_argument(
        "--field",
        type=request_field,
        action="append",
        default=[],
        metavar="NAME=JSON",
        help="one more field of each request; may be given several times",
    )
    group.add_argument(
        "--show-reasoning",
        action="store_true",
        help="ask the server for the hidden reasoning (include_reasoning), for the figures about "
        "reflections; it must allow that (default: off)",
    )
    often = group.add_mutually_exclusive_group()
    often.add_argument(
        "--epochs",
        type=positive,
        default=1,
        metavar="K",
        help="answers to each question, with seeds of their own: pass@k, maj@k (default 1)",
    )
    often.add_argument(
        "--repeat",
        type=positive,
        default=1,
        metavar="K",
        help="the same, with equal requests: how often answers flip (default 1)",
    )


def _add_run(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the run")
    group.add_argument(
        "--concurrency",
        type=positive,
        default=16,
        metavar="N",
        help="requests at once (default 16)",
    )
    group.add_argument(
        "--timeout", type=seconds, default=600.0, metavar="S", help="seconds a reply (default 600)"
    )
    group.add_argument(
        "--attempts", type=positive, default=6, metavar="N", help="requests a reply (default 6)"
    )
    group.add_argument(
        "--workers", type=positive, metavar="N", help="scoring processes (default: cores, up to 8)"
    )
    group.add_argument(
        "--price-in", type=price, metavar="P", help="of a million prompt tokens (default: none)"
    )
    group.add_argument(
        "--price-out", type=price, metavar="P", help="of a million written tokens (default: none)"
    )
    where = group.add_mutually_exclusive_group()
    where.add_argument(
        "--out", type=Path, metavar="FOLDER", help="of the run set (default runs/eval/TIME)"
    )
    where.add_argument(
        "--resume",
        type=Path,
        metavar="FOLDER",
        help="a run set to go on with, by the arguments it began with: asks what has no reply",
    )


def sides(args: argparse.Namespace) -> Iterator[Side]:
    """Yield the model, then the baselines."""
    yield Side.read(args.model, args.base_url)
    for text in args.baseline:
        yield Side.read(text, args.base_url)


def endpoint(args: argparse.Namespace, side: Side, base_url: str) -> Endpoint:
    """Return where the side's requests go."""
    retries = Retries(max_attempts=args.attempts)
    return Endpoint(base_url, side.model, key(), args.concurrency, args.timeout, retries)


def plan(args: argparse.Namespace, task: Task) -> Plan:
    """Read the task's questions and settle what the flags leave open."""
    if args.protocol == lm_eval_protocol.NAME:
        task = lm_eval_protocol.in_their_words(task)
    asked = task.temperature if args.temperature is None else args.temperature
    protocol = Protocol(
        few_shot=task.few_shot if args.few_shot is None else args.few_shot,
        system=args.system,
        temperature=None if asked == "model" else asked,
        top_p=args.top_p,
        max_tokens=args.max_tokens,
        name=args.protocol,
    )
    fields = dict(args.field) | ({"include_reasoning": True} if args.show_reasoning else {})
    treatment = Treatment(args.effort, args.seed, args.epochs, args.repeat, fields)
    return make_plan(task, protocol, treatment, args.data, args.limit)


def settings(args: argparse.Namespace) -> Settings:
    """Return what does not change what is asked."""
    if (args.price_in is None) != (args.price_out is None):
        raise EvalError("a cost takes both --price-in and --price-out")
    prices = None if args.price_in is None else Prices(args.price_in, args.price_out)
    return Settings(prices, args.workers, args.data)
