"""A session of recycling: from the samples to recycled.jsonl; the next goes on where it ended."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from client.endpoint import Endpoint
from client.retries import Retries
from client.together import to_their_ends
from train.config import Config
from train.recycling.calls import Calls
from train.recycling.progress import Progress
from train.recycling.ratios import Ratios, Student
from train.recycling.recycling import Recycling
from train.recycling.results import Results
from train.recycling.settings import Teacher as TeacherSettings
from train.recycling.summary import done, inputs, write_summary
from train.recycling.teacher import Teacher
from train.run_folder import JOURNAL, TEACHER
from train.samples import Seed, read_seeds

MIN_BLOCKS = 3  # one is asked about instructions, one scored, one asked about responses


async def recycle(
    config: Config, manifest: dict[str, Any], open_student: Callable[[], Student]
) -> dict[str, Any] | None:
    """Recycle the run's samples and return the summary, or None: stopped on request.

    manifest: of the samples. What ends the whole session is raised when all that was under way is
    in the journal.
    """
    folder = config.run.dir
    async with open_endpoint(config.teacher) as endpoint:
        if not endpoint.model:
            await endpoint.find_model()
        given = inputs(config, manifest, endpoint.model)
        if (known := done(folder, given)) is not None:
            return known
        with (
            Calls(folder / TEACHER / JOURNAL) as calls,
            Results(folder, config.recycle) as results,
        ):
            teacher = Teacher(endpoint, calls, config.teacher)
            with stopping(teacher), progress(config, manifest, teacher) as bar:
                is_selective = config.recycle.method == "selective"
                ratios = Ratios(open_student, lambda: teacher.has_ended) if is_selective else None
                recycling = Recycling(teacher, ratios, config.recycle, bar.add)
                await recycle_blocks(recycling, teacher, results, config)
            if teacher.error is not None:
                raise teacher.error
            if teacher.is_stopped:
                return None
            spent = asdict(calls.spending) | {"cost": round(teacher.cost, 6)}
            return write_summary(config, given, results, spent)


def open_endpoint(settings: TeacherSettings) -> Endpoint:
    """Return the teacher's endpoint; its key is in the environment."""
    return Endpoint(
        settings.base_url,
        settings.model or None,
        os.environ.get(settings.key_variable),
        settings.concurrency,
        settings.timeout_s,
        Retries(settings.max_attempts),
        settings.requests_per_minute,
    )


async def recycle_blocks(
    recycling: Recycling, teacher: Teacher, results: Results, config: Config
) -> None:
    """Recycle block after block, some at a time, so that asking and scoring overlap.

    After an error of the student, or of a disk, nothing more is asked, and what is under way ends.
    """
    size = config.recycle.block
    waiting = enumerate(blocks(config.run.dir, size))

    async def work() -> None:
        for number, seeds in waiting:
            if teacher.has_ended:
                return
            results.add(number, await recycling.recycle(seeds))

    num_blocks = MIN_BLOCKS + config.teacher.concurrency // size
    await to_their_ends((work() for _ in range(num_blocks)), teacher.stop)


def blocks(folder: Path, size: int) -> Iterator[Sequence[Seed]]:
    """Yield the samples of a run, so many at a time."""
    seeds = read_seeds(folder)
    while block := list(islice(seeds, size)):
        yield block


def progress(config: Config, manifest: dict[str, Any], teacher: Teacher) -> Progress:
    """Return the bar of a run."""
    has_prices = config.teacher.price_read + config.teacher.price_written > 0
    is_eager = config.recycle.mode == "faithful" and config.recycle.method == "selective"
    costs = (lambda: (teacher.cost, teacher.cost_of_reflections)) if has_prices else None
    return Progress((3 if is_eager else 2) * manifest["num_samples"], costs)


@contextmanager
def stopping(teacher: Teacher) -> Iterator[None]:
    """Ask nothing more after SIGTERM or Ctrl-C, and end what is under way; again: at once.

    The second signal kills: nothing else ends a thread that scores, and a kill loses nothing.
    """
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)

    def stop() -> None:
        teacher.stop()
        for number in signals:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)

    for number in signals:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)
