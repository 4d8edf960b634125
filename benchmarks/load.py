"""Many streams and many requests: no error, and memory that does not grow; a scripted engine.

    python -m benchmarks.load [--streams 500] [--requests 10000]

The server runs in a process of its own and steps all replies at once. First so many streams at
once, twice. Then so many requests, 100 at once, after a tenth of them to warm up: the slope of the
process's memory over them by least squares, with its 95 % interval from blocks of the residuals;
and by what the allocations that Python traces have grown, each measured in a run of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import time
from typing import Any

import numpy as np

from benchmarks.parts import streams
from benchmarks.parts.running import Server, running

SERVER = ["-m", "tests.serve_stepped"]
AT_ONCE, NUM_SAMPLES, NUM_BLOCKS, NUM_DRAWS = 100, 100, 10, 2000


def census(server: Server) -> dict[str, Any]:
    """Ask the process to collect its garbage and count what it holds."""
    server.process.send_signal(signal.SIGUSR1)
    assert server.process.stdout is not None
    counted: dict[str, Any] = json.loads(server.process.stdout.readline())
    return counted


def crowd(num_streams: int) -> None:
    """Print how so many streams at once go."""
    with running([*SERVER, "--step-ms", "20"]) as server:
        asyncio.run(streams.load(server.url, num_streams, range(num_streams)))
        begun_s = time.perf_counter()
        tokens = asyncio.run(streams.load(server.url, num_streams, range(num_streams)))
        elapsed_s = time.perf_counter() - begun_s
        counted = census(server)
    print(
        f"{num_streams} streams at once: all whole, {tokens} tokens in {elapsed_s:.1f} s; left "
        f"behind: {counted['num_unfinished']} requests",
        flush=True,
    )


def slope(values: list[float], per: float) -> tuple[float, float, float]:
    """Return the slope a sample and its 95 % interval, times `per`; residuals drawn by blocks."""
    at = np.arange(len(values), dtype=np.float64)
    fitted = np.polynomial.polynomial.polyfit(at, values, 1)
    line = fitted[0] + fitted[1] * at
    blocks = np.array_split(np.asarray(values) - line, NUM_BLOCKS)
    draw = np.random.default_rng(0)
    drawn = []
    for _ in range(NUM_DRAWS):
        order = draw.integers(0, NUM_BLOCKS, NUM_BLOCKS)
        noise = np.concatenate([blocks[i] for i in order])[: len(values)]
        noise = np.pad(noise, (0, len(values) - len(noise)))
        drawn.append(np.polynomial.polynomial.polyfit(at, line + noise, 1)[1])
    low, high = np.quantile(drawn, (0.025, 0.975))
    return fitted[1] * per, low * per, high * per


def memory(num_requests: int) -> None:
    """Print the slope of the process's memory."""
    samples: list[float] = []
    step = num_requests // NUM_SAMPLES
    with running([*SERVER, "--step-ms", "1"]) as server:
        asyncio.run(streams.load(server.url, AT_ONCE, range(num_requests // 10)))
        before = census(server)
        for number in range(NUM_SAMPLES):
            asyncio.run(
                streams.load(server.url, AT_ONCE, range(number * step, (number + 1) * step))
            )
            if number % 10 == 9:
                census(server)  # which also forgets what the scripted engine has noted
            samples.append(server.rss_mib())
        after = census(server)
    value, low, high = slope(samples, 1000 / step)
    print(
        f"{num_requests} requests: memory {samples[0]:.1f} to {samples[-1]:.1f} MiB, slope "
        f"{value * 1024:.1f} KiB a 1,000 requests [{low * 1024:.1f}, {high * 1024:.1f}]; objects "
        f"{after['num_objects'] - before['num_objects']:+}, "
        f"tasks {after['num_tasks'] - before['num_tasks']:+}",
        flush=True,
    )


def allocations(num_requests: int) -> None:
    """Print by what Python's allocations have grown."""
    with running([*SERVER, "--step-ms", "1", "--trace"]) as server:
        asyncio.run(streams.load(server.url, AT_ONCE, range(num_requests // 2)))
        before = census(server)["traced_bytes"]
        asyncio.run(streams.load(server.url, AT_ONCE, range(num_requests)))
        after = census(server)["traced_bytes"]
    print(
        f"{num_requests} requests: traced allocations {before / 1024:.0f} to {after / 1024:.0f} "
        f"KiB, {(after - before) / num_requests:.1f} bytes a request",
        flush=True,
    )


def main(argv: list[str] | None = None) -> int:
    """Measure the crowd, then the memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--streams", type=int, default=500, help="streams at once (default 500)")
    add("--requests", type=int, default=10_000, help="requests in turn (default 10000)")
    arguments = parser.parse_args(argv)
    crowd(arguments.streams)
    memory(arguments.requests)
    allocations(arguments.requests // 5)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
