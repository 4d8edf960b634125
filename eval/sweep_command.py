"""Run a task at several efforts or thinking budgets: does thinking longer pay?

    reflect eval sweep gsm8k --efforts none,low,medium,high --data DATA
    reflect eval sweep word_problems --thinking-tokens 16,64,256

Each step is a run of its own; the same questions, paired with the first step. Writes sweep.json
and sweep.svg beside the runs. `reflect eval report FOLDER` shows the curve with all else.
Exit status as of `eval run`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from client.endpoint import Endpoint
from eval.errors import EvalError
from eval.measures.comparison import Comparison, adjust, compare
from eval.reports.scale import scale_of
from eval.reports.sweep_section import SWEEP, points_of, row
from eval.reports.text_table import text_table
from eval.running import account, arguments
from eval.running.flag_values import positive
from eval.running.plan import Plan
from eval.running.run_folder import RunFolder
from eval.running.run_set import Ended, RunSet, folder_name, run_plan
from eval.task import Task
from eval.tasks import catalogue
from files.whole import write_whole

ERRORS, GAVE_UP = 2, 3
HEADER = (
    "budget",
    "n",
    "score",
    "95 %",
    "thinking, mean",
    "p95",
    "against first",
    "95 %",
    "Holm p",
)


@dataclass(frozen=True, slots=True)
class Step:
    """One treatment of a sweep: its name, and the plan that asks so."""

    label: str
    plan: Plan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the task, its steps, and the flags of `eval run`."""
    parser.add_argument("task", help="the name of one task (`eval list`)")
    parser.add_argument(
        "--efforts",
        type=_names,
        default=[],
        metavar="NAMES",
        help="values of reasoning_effort, with commas between: none,low,medium,high",
    )
    parser.add_argument(
        "--thinking-tokens",
        type=_counts,
        default=[],
        metavar="COUNTS",
        help="values of reflection.max_thinking_tokens (our server's), with commas between",
    )
    arguments.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run the steps, write and print what came of them, return the exit status."""
    if args.baseline:
        raise EvalError("a sweep is about one model: leave --baseline out")
    task = catalogue.find(args.task)
    if task.scorer is None:
        raise EvalError(f"{task.name} needs a judge: sweep a task that has right answers")
    planned = steps(args, task)
    if args.resume:
        RunSet(args.resume, is_resumed=True)  # raises where it is not there
    out = args.resume or args.out or RunSet.new().path
    [side] = arguments.sides(args)
    try:
        with side.opened(say) as base_url:
            ended = asyncio.run(_ask(arguments.endpoint(args, side, base_url), args, planned, out))
    except (KeyboardInterrupt, OSError):
        say(f"stopped; to go on, the same command with --resume {out}")
        raise
    if ended[-1].has_given_up:
        say(f"gave up, the last error: {ended[-1].said}; to go on: --resume {out}")
        return GAVE_UP
    sweep = summarize(out, task, planned, ended)
    write(out, sweep)
    print(text(sweep))
    print(f"next: reflect eval report {out}")
    return ERRORS if any(run.num_errors for run in ended) else 0


def steps(args: argparse.Namespace, task: Task) -> list[Step]:
    """Return the steps in the order asked; EvalError where there are fewer than two."""
    plan = arguments.plan(args, task)
    found = [Step(effort, _treated(plan, effort=effort)) for effort in args.efforts]
    for count in args.thinking_tokens:
        own = plan.treatment.fields.get("reflection", {})
        if not isinstance(own, dict):
            raise EvalError(f"--field reflection takes an object beside --thinking-tokens: {own!r}")
        own = own | {"max_thinking_tokens": count}
        fields = {**plan.treatment.fields, "reflection": own}
        found.append(Step(f"{count} tokens", _treated(plan, fields=fields)))
    names = [folder_name(step.label) for step in found]
    if not all(names) or len(set(names)) < len(names):
        raise EvalError(f"the efforts name no folders of their own: {', '.join(args.efforts)}")
    if len(found) < 2:
        raise EvalError("a sweep takes two steps or more: --efforts none,high, say")
    return found


def _treated(plan: Plan, **treatment: Any) -> Plan:
    return replace(plan, treatment=replace(plan.treatment, **treatment))


async def _ask(
    endpoint: Endpoint, args: argparse.Namespace, planned: Sequence[Step], out: Path
) -> list[Ended]:
    """Run each step, until one is given up."""
    ended: list[Ended] = []
    async with endpoint:
        await endpoint.find_model()
        for step in planned:
            path = out / folder_name(step.label.replace(" ", "-"))
            run_set = RunSet(path, is_resumed=bool(args.resume) and path.is_dir())
            folder = run_set.folder(step.plan.task.name, endpoint.model)
            print(f"{step.label}:")
            ended.append(await run_plan(step.plan, endpoint, folder, arguments.settings(args)))
            print("\n".join(account.lines(ended[-1].manifest, ended[-1].path)), flush=True)
            if ended[-1].has_given_up:
                break
    return ended


def summarize(
    out: Path, task: Task, planned: Sequence[Step], ended: Sequence[Ended]
) -> dict[str, Any]:
    """Return the sweep as JSON: each step's score and thinking, and its pair with the first."""
    first, *others = [RunFolder(run.path) for run in ended]
    pairs = [None, *adjust([compare(first, other) for other in others])]
    return {
        "format": 1,
        "task": task.name,
        "model": ended[0].manifest["model"],
        "points": [
            _point(out, step.label, run, paired)
            for step, run, paired in zip(planned, ended, pairs, strict=True)
        ],
    }


def _point(out: Path, label: str, run: Ended, paired: Comparison | None) -> dict[str, Any]:
    return {
        "label": label,
        "run": str(run.path.relative_to(out)),
        "treatment": run.manifest["treatment"],
        "score": run.manifest["scores"]["robust"],
        "thinking": run.manifest["tokens"]["thinking"],
        "digest": run.manifest["digest"],
        **({"paired": paired.to_dict()} if paired else {}),
    }


def write(out: Path, sweep: dict[str, Any]) -> None:
    """Write sweep.json, and the curve where the endpoint tells how much was thought."""
    from eval.reports.budget_plot import budget_file

    write_whole(out / SWEEP, json.dumps(sweep, indent=1) + "\n")
    if points := points_of(sweep):
        curve = budget_file({sweep["model"]: points}, scale_of(sweep["task"]), "sweep")
        write_whole(out / "sweep.svg", curve)


def text(sweep: dict[str, Any]) -> str:
    """Return the table that is printed."""
    names = ("label", "n", "score", "bounds", "thinking", "p95", "difference", "change", "p")
    rows = [row(point, sweep["task"]) for point in sweep["points"]]
    return text_table(HEADER, [[one[name] for name in names] for one in rows])


def say(line: str) -> None:
    """Print what is no result."""
    print(line, file=sys.stderr, flush=True)


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _counts(text: str) -> list[int]:
    return [positive(count) for count in _names(text)]
