"""Our server against vLLM's own, and against the engine alone, on the demo model.

    python -m benchmarks.server [--rounds 5] [--only cpu,tokens,first-byte,start]

cpu: CPU microseconds of the front-end process (the model runs in another) per completion token, at
1, 8 and 32 streams: ours with the reasoning hidden, ours with all of it shown, and vLLM's server,
which shows all and enforces nothing. tokens: generated tokens a second of our server against
AsyncLLM in process, which writes the same tokens. Both run next to their peer, in turn, each round
in another order: the median of the rounds' ratios, with the least and the greatest.
first-byte: from when the engine yields the first token of the answer to when the client reads the
answer's first byte, with a scripted engine that steps 8 replies at once, as a batch is stepped.
start: from the start of the process to /health and to /ready.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.parts import first_byte, streams
from benchmarks.parts.running import ENVIRONMENT, Server, running, starting

FOLDER = Path(__file__).parent.parent / "models" / "demo"
STREAMS = (1, 8, 32)
MAX_MODEL_LEN = 1024
ENGINE = ["--max-num-seqs", "64", "--max-model-len", str(MAX_MODEL_LEN)]
OURS = ["-m", "reflect", "serve", str(FOLDER), *ENGINE, "--reasoning", "visible"]
PEER = [
    "-m", "vllm.entrypoints.openai.api_server", "--model", str(FOLDER), *ENGINE,
    "--served-model-name", "demo", "--dtype", "float32", "--enforce-eager",
    "--kv-cache-memory-bytes", str(1 << 30),
]  # fmt: skip
HIDDEN, VISIBLE, STOCK = "hidden", "visible", "vLLM's server"
START_ROUNDS = 3

Figures = dict[str, list[float]]
Way = Callable[[int, range], float]  # streams at once and requests in, a figure out


def spread(values: list[float], unit: str = "", digits: int = 2) -> str:
    """Write the median with the least and the greatest."""
    low, middle, high = (f"{f(values):.{digits}f}" for f in (min, median, max))
    return f"{middle}{unit} ({low} to {high}, n={len(values)})"


def in_turn(ways: dict[str, Way], num_streams: int, rounds: int) -> Figures:
    """Measure every way once a round, with the same requests, each round in another order."""
    names = list(ways)
    figures: Figures = {name: [] for name in names}
    count = max(12, 2 * num_streams)
    for number in range(rounds):
        numbers = range(1 + number * count, 1 + (number + 1) * count)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            figures[name].append(ways[name](num_streams, numbers))
    return figures


def ratios(figures: Figures, ours: str, peer: str) -> list[float]:
    """Return ours over the peer's, round by round."""
    return [a / b for a, b in zip(figures[ours], figures[peer], strict=True)]


def cpu_us(server: Server, num_streams: int, numbers: range, **fields: bool) -> float:
    """Return the front end's CPU microseconds a token."""
    before_s = server.cpu_s()
    tokens = asyncio.run(streams.load(server.url, num_streams, numbers, **fields))
    return (server.cpu_s() - before_s) / tokens * 1e6


def compare_cpu(rounds: int) -> None:
    """Print the CPU of the front ends."""
    with running(OURS) as ours, running(PEER, "/health") as peer:
        for server in (ours, peer):
            asyncio.run(streams.load(server.url, 32, range(64)))  # warm
        ways: dict[str, Way] = {
            HIDDEN: lambda n, numbers: cpu_us(ours, n, numbers),
            VISIBLE: lambda n, numbers: cpu_us(ours, n, numbers, include_reasoning=True),
            STOCK: lambda n, numbers: cpu_us(peer, n, numbers),
        }
        for n in STREAMS:
            figures = in_turn(ways, n, rounds)
            stock = spread(figures[STOCK], " us", 0)
            print(f"{n:2} streams, front-end CPU a token: vLLM's server {stock}", flush=True)
            for name in (HIDDEN, VISIBLE):
                ratio = spread(ratios(figures, name, STOCK))
                print(
                    f"   reasoning {name}: {spread(figures[name], ' us', 0)}, ratio {ratio}",
                    flush=True,
                )


@contextmanager
def in_process() -> Iterator[Way]:
    """Start AsyncLLM in a process of its own; yield what measures its tokens a second."""
    command = [sys.executable, "-m", "benchmarks.parts.in_process", str(FOLDER), str(MAX_MODEL_LEN)]
    pipe = subprocess.PIPE
    env = os.environ | ENVIRONMENT
    with subprocess.Popen(
        command, text=True, env=env, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL
    ) as process:
        asked = process.stdin
        assert asked is not None

        def tokens_per_s(num_streams: int, numbers: range) -> float:
            print(json.dumps([num_streams, numbers.start, numbers.stop]), file=asked, flush=True)
            tokens, elapsed_s = json.loads(_line(process))
            return float(tokens / elapsed_s)

        while _line(process) != "ready\n":
            pass
        yield tokens_per_s
        asked.close()


def _line(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise RuntimeError(f"the engine in process ended with {process.wait()}")
    return line


def compare_tokens(rounds: int) -> None:
    """Print the throughput."""

    def over_http(num_streams: int, numbers: range) -> float:
        begun_s = time.perf_counter()
        tokens = asyncio.run(streams.load(ours.url, num_streams, numbers))
        return tokens / (time.perf_counter() - begun_s)

    with running(OURS) as ours, in_process() as alone:
        for measure in (over_http, alone):
            measure(32, range(64))  # warm
        for n in STREAMS:
            figures = in_turn({"ours": over_http, "AsyncLLM": alone}, n, rounds)
            print(
                f"{n:2} streams: ours {spread(figures['ours'], ' tokens/s', 0)}, AsyncLLM in "
                f"process {spread(figures['AsyncLLM'], ' tokens/s', 0)}, "
                f"ratio {spread(ratios(figures, 'ours', 'AsyncLLM'))}",
                flush=True,
            )


def time_first_byte(rounds: int) -> None:
    """Print how long the first token of an answer takes from the engine to the client."""
    for n in STREAMS:
        delays_ms = first_byte.delays_ms(num_streams=n, num_requests=rounds * max(12, 2 * n))
        ordered = sorted(delays_ms)
        p95 = ordered[int(0.95 * len(ordered))]
        print(
            f"{n:2} streams: first answer byte {median(ordered):.2f} ms after its token at the "
            f"median, {p95:.2f} ms at the 95th percentile (n={len(ordered)})"
        )


def time_start(rounds: int) -> None:
    """Print how long a start takes."""
    healthy, ready = [], []
    for _ in range(min(rounds, START_ROUNDS)):
        with starting(OURS) as server:
            healthy.append(server.wait_for("/health"))
            ready.append(server.wait_for("/ready"))
    print(f"start: /health after {spread(healthy, ' s')}, /ready after {spread(ready, ' s', 1)}")


PARTS = {
    "cpu": compare_cpu,
    "tokens": compare_tokens,
    "first-byte": time_first_byte,
    "start": time_start,
}


def main(argv: list[str] | None = None) -> int:
    """Measure what is asked for, all by default."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--rounds", type=int, default=5, help="rounds of every comparison (default 5)")
    add("--only", default=",".join(PARTS), help=f"of {', '.join(PARTS)} (default all)")
    arguments = parser.parse_args(argv)
    for name in arguments.only.split(","):
        PARTS[name](arguments.rounds)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
