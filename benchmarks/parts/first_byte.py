"""From an answer's first token in the engine to its first byte at the client, in milliseconds."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import time

from benchmarks.parts import streams
from benchmarks.parts.running import Server, running

SERVER = ["-m", "tests.serve_stepped"]
ANSWER = re.compile(rb'"content":"[^"]')
ID = re.compile(rb'"id":"(chatcmpl-\w+)"')


def delays_ms(num_streams: int, num_requests: int) -> list[float]:
    """Stream so many requests; both processes read the same monotonic clock."""
    with running(SERVER) as server:
        asyncio.run(_read_all(server, num_streams, num_streams))  # warm
        read_at_s = asyncio.run(_read_all(server, num_streams, num_requests))
        assert server.process.stdout is not None
        server.process.send_signal(signal.SIGUSR1)
        marked_at_s = json.loads(server.process.stdout.readline())["marked_at_s"]
    return [(at_s - marked_at_s[f"{id}-0"]) * 1e3 for id, at_s in read_at_s.items()]


async def _read_all(server: Server, num_streams: int, num_requests: int) -> dict[str, float]:
    gate = asyncio.Semaphore(num_streams)

    async def one(number: int) -> tuple[str, float]:
        async with gate:
            return await _read(int(server.url.rpartition(":")[2]), number)

    return dict(await asyncio.gather(*map(one, range(num_requests))))


async def _read(port: int, number: int) -> tuple[str, float]:
    """Return the reply's id and when its first answer byte came."""
    data = json.dumps(streams.body(number)).encode()
    head = (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: here\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(data)
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head + data)
    seen, at_s = b"", 0.0
    while part := await reader.read(65536):
        seen += part
        if not at_s and ANSWER.search(seen):
            at_s = time.perf_counter()
    writer.close()
    found = ID.search(seen)
    if found is None or not at_s:
        raise RuntimeError(f"no answer came: {seen[:200]!r}")
    return found[1].decode(), at_s
