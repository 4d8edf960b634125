"""Let a judge decide over the answers of a run; verdicts are kept, and none is paid for twice.

`reflect eval judge RUN --against OTHER --judge-model NAME` for pairwise; without --against for
alpaca_eval and mt_bench. The key comes from REFLECT_JUDGE_KEY, else REFLECT_API_KEY or
OPENAI_API_KEY. Stopped at any moment, the same command goes on.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from eval.errors import RunError
from eval.judges.judge import Judge
from eval.judges.judge_run import Request, judge_run, judging_of
from eval.judges.judging import Judging
from eval.judges.opponent import Block, other_run, reference
from eval.judges.printed import lines
from eval.running.endpoint import Endpoint
from eval.running.run_folder import RunFolder
from eval.tasks.catalogue import find

KEYS = ("REFLECT_JUDGE_KEY", "REFLECT_API_KEY", "OPENAI_API_KEY")
JUDGE_ERRORS = 2  # the exit status of a judged run that has some


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("run", type=Path, help="the folder of the run")
    parser.add_argument("--against", type=Path, metavar="RUN", help="another run of the same task")
    parser.add_argument("--reference", help="alpaca_eval: the reference (gpt4_1106_preview)")
    parser.add_argument("--judge-model", required=True, help="the judge, as its endpoint calls it")
    add_judge_arguments(parser)


def add_judge_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare how the judge is reached and asked."""
    parser.add_argument(
        "--judge-base-url",
        default="http://127.0.0.1:8000/v1",
        help="an OpenAI-compatible endpoint (%(default)s)",
    )
    parser.add_argument(
        "--judge-concurrency", type=int, default=8, help="verdicts at a time (%(default)s)"
    )
    parser.add_argument(
        "--judge-max-tokens", type=int, default=2048, help="tokens of a verdict (%(default)s)"
    )
    parser.add_argument(
        "--judge-timeout-s", type=float, default=600.0, help="seconds for one (%(default)s)"
    )
    parser.add_argument(
        "--judge-json",
        action="store_true",
        help="hold the judge to a JSON schema: grades without reasons, all of them readable",
    )
    parser.add_argument(
        "--judge-probe",
        type=int,
        default=20,
        metavar="N",
        help="show the judge a constant, hostile answer to N questions as well (%(default)s)",
    )
    parser.add_argument(
        "--judge-fields",
        type=_fields,
        default={},
        metavar="JSON",
        help="more fields of its requests, null leaves one out: '{\"temperature\": null}'",
    )


def run(args: argparse.Namespace) -> int:
    """Judge the run and print what came of it."""
    folder = RunFolder(args.run)
    manifest = asyncio.run(judge(folder, args))
    for line in lines(manifest):
        print(line)
    return JUDGE_ERRORS if manifest["judge"]["errors"] else 0


async def judge(folder: RunFolder, args: argparse.Namespace) -> dict[str, Any]:
    """Judge the folder's run as the arguments say; returns its new manifest."""
    task = find(folder.manifest["task"])
    opponent = _opponent(folder, judging_of(task), args.against, args.reference)
    request = Request(
        Judge(args.judge_model, args.judge_json, args.judge_max_tokens, args.judge_fields),
        opponent,
        args.judge_concurrency,
        args.judge_probe,
        Counter(sys.stderr.isatty()).show,
    )
    key = next(filter(None, map(os.environ.get, KEYS)), None)
    endpoint = Endpoint(
        args.judge_base_url, args.judge_model, key, args.judge_concurrency, args.judge_timeout_s
    )
    with folder:
        async with endpoint:
            return await judge_run(folder, task, request, endpoint)


class Counter:
    """Says on the terminal how many verdicts are settled, often or every ten seconds."""

    def __init__(self, is_terminal: bool) -> None:
        self._is_terminal, self._shown_s = is_terminal, time.monotonic()

    def show(self, done: int, total: int) -> None:
        """Write the count where it is time to, and at the end."""
        now_s = time.monotonic()
        if done < total and now_s - self._shown_s < (0.2 if self._is_terminal else 10.0):
            return
        self._shown_s = now_s
        start, end = ("\r", "\n" if done == total else "") if self._is_terminal else ("", "\n")
        print(f"{start}verdicts {done}/{total}", end=end, file=sys.stderr, flush=True)


def _opponent(
    folder: RunFolder, judging: Judging, against: Path | None, name: str | None
) -> Block | None:
    if not judging.is_pairwise:
        if against or name:
            raise RunError("this task grades one run by itself: leave --against out")
        return None
    if against and name:
        raise RunError("--against and --reference: give one of them")
    return other_run(folder, RunFolder(against)) if against else reference(judging, name)


def _fields(text: str) -> dict[str, Any]:
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise argparse.ArgumentTypeError("a JSON object was expected")
    return fields
