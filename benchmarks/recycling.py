"""Recycling 10,000 samples with a teacher without latency: our milliseconds a sample, and memory.

    python -m benchmarks.recycling [--samples 10000] [--rounds 3]

Three things, each in a process of its own, by the CPU seconds of that process alone (`getrusage`,
start-up and imports left out); the teacher over HTTP is another process, its CPU is not counted.

harness   the whole pipeline, V2 in lazy order, with a teacher and a student that are functions of
          ours: reading the journal and writing it, prompts, parsing, choosing, rows, both files
over HTTP the same with a teacher behind the real client
client    the bare client asking the same conversations, nothing else: what HTTP itself costs

Memory is the growth of the resident set from a quarter of the samples to all.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from client.endpoint import Endpoint
from client.turn import Message, Turn
from tests.train.recycling.fake_student import FakeStudent
from tests.train.recycling.scripted_teacher import USAGE, reply, scripted_teacher
from train.config import Config
from train.recycling import session
from train.recycling.settings import Recycle, Teacher
from train.samples import prepare_samples
from train.scoring.target import Likelihood, Target
from train.settings import Data, Run, Source

CONCURRENCY = 64
WORDS = 60  # of a response: Alpaca's have 65 tokens, rewritten ones 350
Figures = dict[str, float]


class InProcess(Endpoint):
    """A teacher that answers at once, without HTTP."""

    async def ask(self, messages: Sequence[Message], fields: Mapping[str, Any]) -> Turn:
        """Return the scripted reply."""
        text = reply(messages[-1]["content"], fields["temperature"], is_faulty=False)
        return Turn(text, None, "stop", USAGE)


class Student(FakeStudent):
    """A student of hashes that remembers nothing of what it scored."""

    def score(self, targets: Sequence[Target]) -> list[Likelihood]:
        """Return the likelihoods in the order of the targets."""
        found = super().score(targets)
        self.calls.clear()
        return found


def write_samples(file: Path, num_samples: int) -> None:
    """Write seed samples of about Alpaca's size."""
    with file.open("w") as opened:
        for number in range(num_samples):
            instruction = f"Explain topic {number} to somebody who has never heard of it."
            response = " ".join(f"word{(number * 7 + place) % 997}" for place in range(WORDS))
            opened.write(json.dumps({"instruction": instruction, "response": response}) + "\n")


def configure(folder: Path, url: str, num_samples: int) -> Config:
    """Return the run on so many samples."""
    write_samples(folder / "seeds.jsonl", num_samples)
    return Config(
        Run("benchmark", folder / "run"),
        Data((Source("jsonl", folder / "seeds.jsonl"),)),
        Teacher(url, "scripted", concurrency=CONCURRENCY),
        Recycle(),
    )


def cpu_s() -> float:
    """Return the CPU seconds of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def recycle(folder: Path, url: str, num_samples: int) -> Figures:
    """Recycle and return what it took; without a URL the teacher is in this process."""
    config = configure(folder, url, num_samples)
    if not url:
        session.open_endpoint = lambda settings: InProcess(  # a round is a process of its own
            "http://127.0.0.1/v1", settings.model, concurrency=CONCURRENCY
        )
    begun_s, begun_cpu_s = time.perf_counter(), cpu_s()
    manifest = prepare_samples(config.run, config.data)
    summary = asyncio.run(session.recycle(config, manifest, Student))
    took = {"cpu_s": cpu_s() - begun_cpu_s, "wall_s": time.perf_counter() - begun_s}
    assert summary is not None
    assert summary["statuses"] == {"ok": num_samples}
    took["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return took


def ask_alone(folder: Path, url: str, num_samples: int) -> Figures:
    """Ask what recycling asked, by the client alone."""
    recycle(folder, url, num_samples)
    lines = map(json.loads, (folder / "run" / "teacher" / "journal.jsonl").open())
    asked = iter([line["request"] for line in lines if "request" in line])

    async def work(endpoint: Endpoint) -> None:
        for request in asked:
            await endpoint.ask(request["messages"], {"temperature": request["temperature"]})

    async def ask_all() -> None:
        async with Endpoint(url, "scripted", concurrency=CONCURRENCY) as endpoint:
            await asyncio.gather(*(work(endpoint) for _ in range(CONCURRENCY)))

    begun_s, begun_cpu_s = time.perf_counter(), cpu_s()
    asyncio.run(ask_all())
    return {"cpu_s": cpu_s() - begun_cpu_s, "wall_s": time.perf_counter() - begun_s}


def apart(measure: Callable[[Path, str, int], Figures], url: str, num_samples: int) -> Figures:
    """Measure in a process of its own and in a folder of its own."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)

    def work() -> None:
        tqdm.set_lock(threading.RLock())
        with tempfile.TemporaryDirectory() as name:
            theirs.send(measure(Path(name), url, num_samples))

    process = context.Process(target=work)
    process.start()
    theirs.close()  # so that a process that fails ends the wait
    try:
        figures: Figures = ours.recv()
    finally:
        process.join()
    return figures


def report(name: str, rounds: Sequence[Figures], num_samples: int) -> float:
    """Print the milliseconds of CPU a sample of each round and return their median."""
    each = [1e3 * one["cpu_s"] / num_samples for one in rounds]
    median = statistics.median(each)
    print(
        f"{name:<10}{median:6.3f} ms of CPU a sample (n = {len(each)}: {min(each):.3f} to "
        f"{max(each):.3f}), {statistics.median(one['wall_s'] for one in rounds):.1f} s of wall",
        flush=True,
    )
    return median


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    num, rounds = given.samples, range(given.rounds)
    print(f"{num:,} samples, two calls each, concurrency {CONCURRENCY}", flush=True)
    harness = [apart(recycle, "", num) for _ in rounds]
    report("harness", harness, num)
    quarter = apart(recycle, "", num // 4)
    grown = statistics.median(one["peak_mb"] for one in harness) - quarter["peak_mb"]
    each = grown * 2**20 / (num - num // 4)
    print(f"memory    {quarter['peak_mb']:.0f} MB at {num // 4:,}, {each:,.0f} bytes a sample more")
    with scripted_teacher() as url:
        http = report("over HTTP", [apart(recycle, url, num) for _ in rounds], num)
        alone = report("client", [apart(ask_alone, url, num) for _ in rounds], num)
    print(f"over HTTP less client: {http - alone:.3f} ms a sample")


if __name__ == "__main__":
    main()
