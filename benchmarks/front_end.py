"""CPU time of the HTTP front end per generated token: ours against vLLM's own server.

    python -m benchmarks.front_end [--requests 96]

The same checkpoint (models/demo), the same prompts, seeds and sampling, streamed by the same
client, the two servers one after the other, with the model in a process of its own. Ours enforces
the format and hides the reasoning; vLLM's server streams every token. Prints CPU microseconds of
the front-end process per generated token, and the ratio ours / vLLM, for 1, 8 and 32 streams.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

FOLDER = Path(__file__).parent.parent / "models" / "demo"
STREAMS = (1, 8, 32)
START_S = 300.0
ENGINE = ["--max-num-seqs", "64", "--max-model-len", "1024"]
SERVERS = {
    "ours": ["-m", "reflect", "serve", str(FOLDER), *ENGINE],
    "vLLM": [
        "-m", "vllm.entrypoints.openai.api_server", "--model", str(FOLDER), *ENGINE,
        "--served-model-name", "demo", "--dtype", "float32", "--enforce-eager",
        "--kv-cache-memory-bytes", str(1 << 30),
    ],
}  # fmt: skip


@dataclass(frozen=True)
class Server:
    """A running server and its front-end process."""

    url: str
    pid: int

    def cpu_s(self) -> float:
        """CPU seconds of the front-end process so far, its children not counted."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(arguments: list[str], probe: str) -> Iterator[Server]:
    """Start a server, wait until its probe answers 200, stop it at the end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = os.environ | {"VLLM_LOGGING_LEVEL": "ERROR", "HF_HUB_OFFLINE": "1"}
    process = subprocess.Popen(
        [sys.executable, *arguments, "--port", str(port)],
        env=env | {"VLLM_NO_USAGE_STATS": "1", "TORCH_COMPILE_DISABLE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    server = Server(f"http://127.0.0.1:{port}", process.pid)
    try:
        deadline_s = time.monotonic() + START_S
        while not _answers(server.url + probe):
            if process.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError(f"the server did not start: {' '.join(arguments)}")
            time.sleep(0.5)
        yield server
    finally:
        process.terminate()
        process.wait(60)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


async def stream(client: httpx.AsyncClient, number: int) -> int:
    """Stream one reply to its end; return the tokens that were generated."""
    a, b, c = 1 + number % 12, 1 + (number * 5 + 3) % 12, 1 + (number * 7 + 6) % 12
    body = {
        "model": "demo",
        "messages": [{"role": "user", "content": f"Make {a * b + c} from {a}, {b} and {c}."}],
        "max_tokens": 256,
        "temperature": 0.7,
        "seed": number,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    tokens = 0
    async with client.stream("POST", "/v1/chat/completions", json=body) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            if line.startswith("data: {") and (usage := json.loads(line[6:]).get("usage")):
                tokens = usage["completion_tokens"]
    return tokens


async def load(server: Server, num_streams: int, num_requests: int) -> float:
    """Return front-end CPU microseconds per token with so many streams at once."""
    gate = asyncio.Semaphore(num_streams)
    limits = httpx.Limits(max_connections=num_streams)
    async with httpx.AsyncClient(
        base_url=server.url, timeout=120, limits=limits, trust_env=False
    ) as client:

        async def one(number: int) -> int:
            async with gate:
                return await stream(client, number)

        await asyncio.gather(*(one(number) for number in range(num_streams)))  # warm
        before_s = server.cpu_s()
        tokens = await asyncio.gather(*(one(number) for number in range(num_requests)))
        return (server.cpu_s() - before_s) / sum(tokens) * 1e6


def main(argv: list[str] | None = None) -> int:
    """Measure both servers and print one line a number of streams."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--requests", type=int, default=96, help="requests counted a number of streams (default 96)"
    )
    num_requests = parser.parse_args(argv).requests
    measured: dict[str, list[float]] = {}
    for name, arguments in SERVERS.items():
        with running(arguments, "/ready" if name == "ours" else "/health") as server:
            measured[name] = [asyncio.run(load(server, n, num_requests)) for n in STREAMS]
    for at, num_streams in enumerate(STREAMS):
        ours, peer = measured["ours"][at], measured["vLLM"][at]
        print(
            f"{num_streams:2} streams: ours {ours:6.0f} us a token, vLLM's server {peer:6.0f} us, "
            f"ratio {ours / peer:.2f}"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
