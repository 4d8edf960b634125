"""Ask a model the questions of tasks, score its answers, write a folder for each run.

    reflect eval run gsm8k --data DATA                 the model at http://127.0.0.1:8000/v1
    reflect eval run word_problems,countdown           no data needed
    reflect eval run mmlu --model ./my-8b --baseline ./base-8b --data DATA
    reflect eval run alpaca_eval --data DATA --judge-model gpt-4o --judge-base-url URL

Exit status: 0 all answered; 2 some samples are errors; 3 it gave up after 20 errors in a row;
65 nothing could be run; 74 a file could not be read or written; 130 stopped by Ctrl-C, to go on
with --resume.
"""

from __future__ import annotations

import argparse
import asyncio
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace

from client.endpoint import Endpoint
from eval import compare_command
from eval.errors import EvalError
from eval.judges import arguments as judge_arguments
from eval.measures.comparison import adjust, compare
from eval.running import account, arguments
from eval.running.plan import Plan
from eval.running.run_folder import RunFolder
from eval.running.run_set import Ended, RunSet, Settings, run_plan
from eval.running.runner import MAX_ERRORS_IN_A_ROW
from eval.task import Task
from eval.tasks import catalogue
from files.errors import UserError

ERRORS, GAVE_UP = 2, 3
WHERE = ("--out", "--resume")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the tasks and how they are run."""
    parser.add_argument("tasks", help="names of tasks, with commas between (`eval list`)")
    arguments.add_arguments(parser)
    judge_arguments.add_arguments(parser, is_required=False)


def run(args: argparse.Namespace) -> int:
    """Ask every model every task, print what came of it, return the exit status."""
    tasks = [catalogue.find(name) for name in dict.fromkeys(args.tasks.split(","))]
    if args.judge_model and not args.baseline and any(map(needs_opponent, tasks)):
        raise EvalError("a judge of pairs needs another model's answers: name it by --baseline")
    plans = [arguments.plan(args, task) for task in tasks]
    if args.resume:
        run_set = RunSet(args.resume, is_resumed=True)
    else:
        run_set = RunSet(args.out) if args.out else RunSet.new()
    try:
        ended = ask_all(args, plans, run_set)
    except (KeyboardInterrupt, OSError):
        say(f"stopped; to go on: {again(run_set)}")
        raise
    judged = judge_all(args, ended)
    return conclude(ended, run_set) or judged


def needs_opponent(task: Task) -> bool:
    """Whether a judge decides between two models' answers, and the rows carry none."""
    judging = task.judging
    return judging is not None and judging.is_pairwise and not judging.references


def ask_all(args: argparse.Namespace, plans: Sequence[Plan], run_set: RunSet) -> list[list[Ended]]:
    """Return the ended runs of each model; the first that is given up is the last."""
    ended: list[list[Ended]] = []
    for side in arguments.sides(args):
        settings = replace(arguments.settings(args), is_baseline=bool(ended))
        with side.opened(say) as base_url:
            endpoint = arguments.endpoint(args, side, base_url)
            ended.append(asyncio.run(ask(endpoint, plans, run_set, settings)))
        if ended[-1][-1].has_given_up:
            break
    return ended


async def ask(
    endpoint: Endpoint, plans: Sequence[Plan], run_set: RunSet, settings: Settings
) -> list[Ended]:
    """Run each plan with one model, until it is given up."""
    ended: list[Ended] = []
    async with endpoint:
        await endpoint.find_model()
        for plan in plans:
            folder = run_set.folder(plan.task.name, endpoint.model)
            ended.append(await run_plan(plan, endpoint, folder, settings))
            print("\n".join(account.lines(ended[-1].manifest, ended[-1].path)), flush=True)
            if plan.task.note:
                print(f"  note: {plan.task.note}", flush=True)
            if ended[-1].has_given_up:
                break
    return ended


def judge_all(args: argparse.Namespace, ended: Sequence[Sequence[Ended]]) -> int:
    """Have the runs of judged tasks judged, if a judge is named; return the exit status."""
    if not args.judge_model or any(run.has_given_up for side in ended for run in side):
        return 0
    from eval.judge_command import judge_sides

    return judge_sides(args, [[run.path for run in side] for side in ended])


def conclude(ended: Sequence[Sequence[Ended]], run_set: RunSet) -> int:
    """Print the comparisons with the baselines and what to type next; return the exit status."""
    first, *baselines = ended
    for baseline in baselines:
        print_comparison(baseline, first)
    runs = [run for side in ended for run in side]
    num_errors = sum(run.num_errors for run in runs)
    if gave_up := [run for run in runs if run.has_given_up]:
        say(f"gave up after {MAX_ERRORS_IN_A_ROW} errors in a row, the last: {gave_up[0].said}")
    if num_errors:
        say(f"{num_errors} samples are errors; to ask those again: {again(run_set)}")
    print(f"next: reflect eval report {run_set.path}")
    return GAVE_UP if gave_up else ERRORS if num_errors else 0


def print_comparison(baseline: Sequence[Ended], ours: Sequence[Ended]) -> None:
    """Print what changed from the baseline's runs to ours, or why that cannot be said."""
    try:
        found = [
            compare(RunFolder(before.path), RunFolder(after.path))
            for before, after in zip(baseline, ours, strict=False)
            if not needs_opponent(catalogue.find(after.manifest["task"]))
        ]
        if found:
            print(compare_command.text(adjust(found)))
    except UserError as error:
        say(f"not compared: {error}")


def again(run_set: RunSet) -> str:
    """Return the command that goes on with the run set: this one, with --resume."""
    given = sys.argv[sys.argv.index("run") :] if "run" in sys.argv else ["run", "…"]
    kept: list[str] = []
    for argument in given:
        if kept and kept[-1] in WHERE:
            kept.pop()
        elif not argument.startswith(tuple(f"{flag}=" for flag in WHERE)):
            kept.append(argument)
    return shlex.join(["reflect", "eval", *kept, "--resume", str(run_set.path)])


def say(line: str) -> None:
    """Print what is no result."""
    print(line, file=sys.stderr, flush=True)
