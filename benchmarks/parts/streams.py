"""Requests of the demo model's kind, streamed from a server so and so many at once."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx

MAX_TOKENS, TEMPERATURE = 256, 0.7


def question(number: int) -> str:
    """Return one of the demo model's questions."""
    a, b, c = 1 + number % 12, 1 + (number * 5 + 3) % 12, 1 + (number * 7 + 6) % 12
    return f"Make {a * b + c} from {a}, {b} and {c}."


def body(number: int, **fields: Any) -> dict[str, Any]:
    """Return a request; the same number asks for the same tokens."""
    return {
        "model": "demo",
        "messages": [{"role": "user", "content": question(number)}],
        "max_tokens": MAX_TOKENS,
        "temperature": TEMPERATURE,
        "seed": number,
        "stream": True,
        "stream_options": {"include_usage": True},
        **fields,
    }


def client(url: str, num_streams: int) -> httpx.AsyncClient:
    """Make a client that keeps a connection a stream."""
    limits = httpx.Limits(max_connections=num_streams, max_keepalive_connections=num_streams)
    return httpx.AsyncClient(base_url=url, timeout=300, limits=limits, trust_env=False)


async def stream(client: httpx.AsyncClient, number: int, **fields: Any) -> int:
    """Read one reply to its end; return the tokens that were generated."""
    tail = b""
    request = body(number, **fields)
    async with client.stream("POST", "/v1/chat/completions", json=request) as response:
        response.raise_for_status()
        async for data in response.aiter_raw():
            tail = (tail + data)[-2000:]
    events = [event for event in tail.split(b"\n\n") if event.startswith(b"data: {")]
    if not tail.rstrip().endswith(b"data: [DONE]"):
        raise RuntimeError("a stream ended before it was whole")
    return int(json.loads(events[-1][6:])["usage"]["completion_tokens"])


async def load(url: str, num_streams: int, numbers: range, **fields: Any) -> int:
    """Send these requests, so many at once; return the tokens that were generated."""
    gate = asyncio.Semaphore(num_streams)
    async with client(url, num_streams) as http:

        async def one(number: int) -> int:
            async with gate:
                return await stream(http, number, **fields)

        return sum(await asyncio.gather(*map(one, numbers)))
