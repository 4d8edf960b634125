"""Let a teacher improve the run's samples, a student choose: `python -m train recycle -c run.toml`.

Writes samples.jsonl, teacher/journal.jsonl, scores/, recycled.jsonl and recycled.json into the
run's folder. Whatever ends it, the same command goes on, and no reply is paid for twice.
SIGTERM or Ctrl-C: nothing more is asked, what is under way ends, exit status 3; again: at once.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from train.command import STOPPED
from train.config import Config, add_config_arguments, read_config
from train.errors import ConfigError
from train.recycling.ratios import Student
from train.recycling.settings import SAMPLING
from train.run_folder import RECYCLED, SCORES
from train.samples import prepare_samples, told_counts

CONVERSATION = ("model", "messages", "stream")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments; nothing heavy is imported for them."""
    add_config_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Recycle the samples, print what came of it, return the exit status."""
    config = read_config(arguments)
    check(config)
    manifest = prepare_samples(config.run, config.data)
    print("\n".join(told_samples(manifest)), flush=True)
    check_student(config)
    from train.recycling.session import recycle

    with ExitStack() as stack:
        summary = asyncio.run(recycle(config, manifest, lambda: open_student(config, stack)))
    if summary is None:
        print("stopped; what was under way has ended, and the same command goes on")
        return STOPPED
    print("\n".join(told(config, summary)))
    return 0


def check(config: Config) -> None:
    """Refuse what contradicts itself."""
    is_selective = config.recycle.method == "selective"
    if is_selective and not config.score.model:
        raise ConfigError(
            "the student chooses, so name it: score.model=FOLDER, or recycle.method=all"
        )
    if not is_selective and config.recycle.top_percent < 100:
        raise ConfigError("recycle.top_percent wants IFD, and recycle.method=all scores nothing")
    teacher = config.teacher
    if teacher.max_cost and not teacher.price_read + teacher.price_written:
        raise ConfigError(
            "teacher.max_cost wants prices: teacher.price_read and teacher.price_written, each of "
            "a million tokens"
        )
    for name, value in teacher.fields.items():
        if name in CONVERSATION or (name in SAMPLING and value is not False):
            raise ConfigError(
                f"teacher.fields.{name} = {value!r}: {name} has a setting of its own; of the "
                f"fields that we write, {', '.join(SAMPLING)} can be left out, by false"
            )


def check_student(config: Config) -> None:
    """Refuse a student that is none before a reply is paid for; its weights are not read."""
    if config.recycle.method == "selective":
        from train.scoring.loading import identify

        identify(config.score)


def open_student(config: Config, stack: ExitStack) -> Student:
    """Return the student with the store of its scores, which the stack closes."""
    from train.recycling.stored_student import StoredStudent

    return StoredStudent(config.score, config.run.dir / SCORES, stack)


def told_samples(manifest: dict[str, Any]) -> list[str]:
    """Say what was read."""
    lines = [told_counts(counted) for counted in manifest["counts"]]
    held = manifest["num_holdout"]
    return [*lines, f"{manifest['num_samples']:,} samples, {held:,} of them held out"]


def told(config: Config, summary: dict[str, Any]) -> list[str]:
    """Say what came of the samples."""
    file = config.run.dir / RECYCLED
    lines = [
        f"{summary['num_kept']:,} of {summary['num_samples']:,} kept: {file}",
        f"  status      {counts(summary['statuses'])}",
        f"  outcome     {counts(summary['outcomes'])}",
    ]
    for stage, count in summary["stages"].items():
        asked, parsed, accepted = (count.get(of, 0) for of in ("asked", "parsed", "accepted"))
        lines.append(f"  {stage:<12}{asked:,} asked, {parsed:,} parsed, {accepted:,} accepted")
    if summary["dropped"]:
        lines.append(f"  dropped     {counts(summary['dropped'])}")
    return [*lines, told_cost(summary["teacher"]), *told_waiting(summary)]


def told_cost(spent: dict[str, Any]) -> str:
    """Say what the teacher's replies took; of some it may not be known."""
    untold = f", {spent['num_untold']:,} did not tell their tokens" if spent["num_untold"] else ""
    return (
        f"  teacher     {spent['num_replies']:,} replies, {spent['read']:,} tokens read, "
        f"{spent['written']:,} written, cost {spent['cost']:.4g}{untold}"
    )


def told_waiting(summary: dict[str, Any]) -> Iterator[str]:
    """Say what is left, and what to do about it."""
    num_skipped = summary.get("num_skipped", 0)
    if num_failed := summary["num_passing"] - num_skipped:
        yield f"{num_failed:,} got no reply; the same command asks again"
    if num_skipped:
        yield f"{num_skipped:,} were not asked for, max_cost is spent: raise teacher.max_cost"


def counts(numbers: dict[str, int]) -> str:
    """Write counts, the greatest first."""
    ordered = sorted(numbers.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count:,} {name}" for name, count in ordered)
