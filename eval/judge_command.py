"""Let a judge decide over the answers of a run; verdicts are kept, and none is paid for twice.

    reflect eval judge RUN --against OTHER --judge-model NAME     pairwise
    reflect eval judge RUN --judge-model NAME                     alpaca_eval, mt_bench

Stopped at any moment, the same command goes on. Exit status: 0 all verdicts could be read; 2 some
answers are judge errors; 65 nothing could be judged, or the judge kept failing.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from client.errors import EndpointError
from eval.errors import RunError
from eval.judges import arguments
from eval.judges.count import Count
from eval.judges.filed_scores import judging_of
from eval.judges.judge_run import Request, judge_run
from eval.judges.judging import Judging
from eval.judges.opponent import Block, other_run, reference
from eval.judges.printed import lines
from eval.running.run_folder import RunFolder
from eval.task import Task
from eval.tasks.catalogue import find

JUDGE_ERRORS = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the runs and the judge."""
    parser.add_argument("run", type=Path, help="the folder of the run")
    parser.add_argument("--against", type=Path, metavar="RUN", help="another run of the same task")
    arguments.add_arguments(parser, is_required=True)


def run(args: argparse.Namespace) -> int:
    """Judge the run and print what came of it."""
    return judge(args, args.run, args.against)


def judge(args: argparse.Namespace, path: Path, against: Path | None) -> int:
    """Judge one run as the arguments say, print what came of it, return the exit status."""
    folder = RunFolder(path)
    task = find(folder.manifest["task"])
    opponent = _opponent(folder, judging_of(task), against, args.reference)
    try:
        manifest = asyncio.run(_judge(folder, task, opponent, args))
    except EndpointError as error:
        hint = "For the judge: --judge-base-url, --judge-model, REFLECT_JUDGE_KEY."
        raise EndpointError(f"{error} {hint}") from error
    print("\n".join(lines(manifest)))
    return JUDGE_ERRORS if manifest["judge"]["errors"] else 0


def judge_sides(args: argparse.Namespace, sides: Sequence[Sequence[Path]]) -> int:
    """Judge the runs of a run set, a sequence of them a model, the same tasks in each.

    Where runs are judged against one another the first model's is, against the second's.
    """
    statuses = [0]
    for number, path in enumerate(sides[0]):
        task = find(RunFolder(path).manifest["task"])
        if task.judging is None:
            continue
        if task.judging.is_pairwise and not task.judging.references:
            against = sides[1][number] if len(sides) > 1 else None
            statuses.append(judge(args, path, against))
        else:
            statuses += [judge(args, side[number], None) for side in sides]
    return max(statuses)


async def _judge(
    folder: RunFolder, task: Task, opponent: Block | None, args: argparse.Namespace
) -> dict[str, Any]:
    request = Request(
        arguments.judge(args), opponent, args.judge_concurrency, args.judge_probe, Count().show
    )
    with folder:
        async with arguments.endpoint(args) as endpoint:
            return await judge_run(folder, task, request, endpoint)


def _opponent(
    folder: RunFolder, judging: Judging, against: Path | None, name: str | None
) -> Block | None:
    if not judging.is_pairwise:
        if against is not None:
            raise RunError("this task grades one run by itself: leave --against out")
        return None
    if against is not None:
        return other_run(folder, RunFolder(against))
    return reference(judging, name)
