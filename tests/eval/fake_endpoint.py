"""An OpenAI-compatible endpoint in a process of its own, whose every reply is known beforehand.

    python -m tests.eval.fake_endpoint GOLDS.json [--faulty] [--latency-s 0.01] [--default 42]

GOLDS.json: the last thing a user may say -> the right answer, a whole number. --default: of all
else, which is status 500 without it. What a question gets
is a pure function of its text (`fate`), so that a test knows the truth without asking.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from aiohttp import web

Fate = Literal["right", "wrong", "refused", "empty", "truncated"]
REFUSED, EMPTY, TRUNCATED, LIMITED, RIGHT = 0.02, 0.01, 0.01, 0.10, 0.7
FINGERPRINT = "fp_fake"


def chance(purpose: str, text: str) -> float:
    """Return a number from 0 to 1 that belongs to the text."""
    return int.from_bytes(hashlib.sha256(f"{purpose}:{text}".encode()).digest()[:8]) / 2**64


def fate(text: str, model: str = "fake", is_faulty: bool = True) -> Fate:
    """Return what becomes of a question; faults hit the same questions of every model."""
    drawn = chance("fault", text)
    if is_faulty and drawn < REFUSED:
        return "refused"
    if is_faulty and drawn < REFUSED + EMPTY:
        return "empty"
    if is_faulty and drawn < REFUSED + EMPTY + TRUNCATED:
        return "truncated"
    return "right" if chance(model, text) < RIGHT else "wrong"


def is_limited(text: str) -> bool:
    """Whether the first request for it is told to come back later."""
    return chance("limit", text) < LIMITED


def content(fated: Fate, gold: int) -> str:
    """Return what the model writes."""
    if fated == "empty":
        return ""
    if fated == "truncated":
        return f"<thinking>The answer is {gold}, or is it"
    value = gold if fated == "right" else gold + 1
    thoughts = f"<thinking>Perhaps {gold + 7}.</thinking>"
    return f"{thoughts}\n<output>It is {gold + 3} less 3.\n#### {value}</output>"


class Replies:
    """The routes: chat completions, models, and how many requests each question took."""

    def __init__(
        self, golds: Mapping[str, int], is_faulty: bool, latency_s: float, default: int | None
    ) -> None:
        self._golds, self._is_faulty, self._latency_s = golds, is_faulty, latency_s
        self._default = default
        self._requests: Counter[str] = Counter()

    async def chat(self, request: web.Request) -> web.Response:
        """Answer the last thing the user said."""
        asked = json.loads(await request.read())
        text = asked["messages"][-1]["content"]
        self._requests[text] += 1
        if self._latency_s:
            await asyncio.sleep(random.expovariate(1 / self._latency_s))
        if self._is_faulty and is_limited(text) and self._requests[text] == 1:
            return error(429, "too many requests", {"Retry-After": "0.01"})
        fated = fate(text, asked["model"], self._is_faulty)
        if fated == "refused":
            return error(400, "this question is refused")
        gold = self._golds.get(text, self._default)
        if gold is None:
            return error(500, "no such question")
        return web.json_response(completion(fated, content(fated, gold)))

    async def models(self, _: web.Request) -> web.Response:
        """Name the one model."""
        return web.json_response({"object": "list", "data": [{"id": "fake", "object": "model"}]})

    async def requests(self, _: web.Request) -> web.Response:
        """Tell the requests so far."""
        return web.json_response(dict(self._requests))


def completion(fated: Fate, text: str) -> dict[str, Any]:
    """Return a chat completion."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": "length" if fated == "truncated" else "stop",
    }
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "completion_tokens_details": {"reasoning_tokens": 8},
    }
    return {"choices": [choice], "usage": usage, "system_fingerprint": FINGERPRINT}


def error(status: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an error in OpenAI's form."""
    return web.json_response({"error": {"message": message}}, status=status, headers=headers)


@contextmanager
def fake_endpoint(
    golds: Mapping[str, int],
    folder: Path,
    is_faulty: bool = False,
    latency_s: float = 0.0,
    default: int | None = None,
) -> Iterator[str]:
    """Start one and yield its base URL."""
    file = folder / "golds.json"
    file.write_text(json.dumps(golds))
    command = [sys.executable, "-m", "tests.eval.fake_endpoint", str(file)]
    command += ["--latency-s", str(latency_s), *["--faulty"] * is_faulty]
    command += [] if default is None else ["--default", str(default)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


async def serve(replies: Replies) -> None:
    """Serve on a free port until killed; the first line printed is the base URL."""
    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/v1/chat/completions", replies.chat)
    app.router.add_get("/v1/models", replies.models)
    app.router.add_get("/requests", replies.requests)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}/v1", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("golds", type=Path)
    parser.add_argument("--faulty", action="store_true")
    parser.add_argument("--latency-s", type=float, default=0.0)
    parser.add_argument("--default", type=int)
    given = parser.parse_args()
    known = json.loads(given.golds.read_text())
    asyncio.run(serve(Replies(known, given.faulty, given.latency_s, given.default)))
