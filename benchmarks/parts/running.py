"""A server in a process of its own: started on a free port, probed, measured, stopped."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

START_S = 600.0
ENVIRONMENT = {
    "VLLM_LOGGING_LEVEL": "ERROR",
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "TORCH_COMPILE_DISABLE": "1",
    "REFLECT_DATA": "",  # ours keeps nothing on disk
}


@dataclass(frozen=True)
class Server:
    """A running server and its front-end process."""

    url: str
    process: subprocess.Popen[str]
    begun_s: float

    def cpu_s(self) -> float:
        """CPU seconds of the front-end process so far, its children not counted."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mib(self) -> float:
        """Memory of the front-end process that is in RAM now."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def wait_for(self, probe: str) -> float:
        """Return the seconds from the start of the process until the probe answers 200."""
        while not _answers(self.url + probe):
            if self.process.poll() is not None or time.monotonic() > self.begun_s + START_S:
                raise RuntimeError(f"{self.process.args!r} did not answer {probe}")
            time.sleep(0.01)
        return time.monotonic() - self.begun_s


@contextmanager
def starting(arguments: Sequence[str]) -> Iterator[Server]:
    """Start Python with these arguments and a `--port`; stop it at the end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    begun_s = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, *arguments, "--port", str(port)],
        env=os.environ | ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield Server(f"http://127.0.0.1:{port}", process, begun_s)
    finally:
        process.terminate()
        process.wait(60)
        assert process.stdout is not None
        process.stdout.close()


@contextmanager
def running(arguments: Sequence[str], probe: str = "/ready") -> Iterator[Server]:
    """Start a server as `starting` does, and wait until it is there."""
    with starting(arguments) as server:
        server.wait_for(probe)
        yield server


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
