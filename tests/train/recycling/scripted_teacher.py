"""A teacher over HTTP in a process of its own, whose every reply is known beforehand.

    python -m tests.train.recycling.scripted_teacher [--faulty] [--latency-s 0.01] [--port 8100]

It answers the prompts of `train/recycling/prompts/`. What becomes of a sample is a pure function of
its instruction (`fate`): without --faulty all is answered well. It counts how often it was asked
each thing (GET /asked).
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from aiohttp import web

FATES = {  # of so many per cent of the instructions, where the teacher is faulty
    "hot": 8,  # no marker at temperature 0, well above
    "unmarked": 4,  # no closing marker, at any temperature
    "nested": 4,
    "half": 4,  # a new instruction without an answer
    "refused": 4,
    "filtered": 2,  # status 400, by a filter
    "too_long": 2,  # status 400, more than the context holds
    "truncated": 4,
    "limited": 6,  # 429 with Retry-After, once
    "broken": 6,  # status 500, once
    "slow": 1,  # nothing for SLOW_S, once
}
SLOW_S, RETRY_AFTER_S = 1.0, 0.01
ONCE = frozenset({"limited", "broken", "slow"})
NEW = "Step by step, and with an example: "
USAGE = {"prompt_tokens": 400, "completion_tokens": 200}


def fate(instruction: str) -> str:
    """Return what becomes of an instruction: what it names as `fate=…`, else by chance."""
    named = instruction.partition("fate=")[2].partition(" ")[0]
    if named:
        return named
    drawn = int.from_bytes(hashlib.sha256(instruction.encode()).digest()[:8]) / 2**64 * 100
    for name, percent in FATES.items():
        if drawn < percent:
            return name
        drawn -= percent
    return "well"


def fate_of_call(asked: str) -> str:
    """Return what becomes of one prompt: its instruction's fate, where that is not of one call.

    unread: the new instruction cannot be read, and there is no reply about the response
    old_dead: there is no reply about the response to the original instruction
    """
    instruction = between(asked, "Instruction")
    fated, is_first = fate(instruction), "[New Instruction]" in asked
    if fated == "unread":
        return "unmarked" if is_first else "dead"
    if fated == "old_dead":
        return "well" if is_first or instruction.startswith(NEW) else "dead"
    return fated


def block(name: str, text: str) -> str:
    """Return a text between its markers."""
    return f"[{name}]\n{text}\n[End of {name}]"


def new_instruction(instruction: str) -> str:
    """Return what the teacher makes of an instruction."""
    return f"{NEW}{instruction}"


def new_answer(instruction: str) -> str:
    """Return the teacher's answer to its own instruction."""
    return f"First steps come first.\n\nEnd results come last: {instruction}"


def better_answer(response: str) -> str:
    """Return what the teacher makes of a response."""
    return f"{response}\n\nEndings matter: this is the same in more detail."


def between(text: str, name: str) -> str:
    """Return what a prompt holds between two markers."""
    return text.partition(f"[{name}]\n")[2].partition(f"\n[End of {name}]")[0]


def reply(asked: str, temperature: float, is_faulty: bool) -> str:
    """Return what the teacher writes to a prompt."""
    instruction, response = between(asked, "Instruction"), between(asked, "Answer")
    if "[New Instruction]" in asked:
        new = new_instruction(instruction)
        blocks = [block("New Instruction", new), block("New Answer", new_answer(new))]
    else:
        blocks = [block("Better Answer", better_answer(response))]
    fated = fate_of_call(asked) if is_faulty else "well"
    criticism = f"1. It is short: {len(response)} characters."
    if fated == "refused":
        return "I'm sorry, but I can't help with that."
    if fated == "unmarked" or (fated == "hot" and not temperature):
        return f"{criticism}\n\n{blocks[-1].rpartition('[')[0]}"
    if fated == "nested":
        return f"{criticism}\n\n{block('Better Answer', blocks[-1])}\n{blocks[-1]}"
    if fated == "half" and len(blocks) == 2:
        return f"{criticism}\n\n{blocks[0]}"
    if fated == "truncated":
        return f"{criticism}\n\n{blocks[0][:40]}"
    return "\n\n".join([criticism, *blocks])


class Replies:
    """The routes, and how often each thing was asked."""

    def __init__(self, is_faulty: bool, latency_s: float) -> None:
        self._is_faulty, self._latency_s = is_faulty, latency_s
        self.asked: Counter[str] = Counter()

    async def chat(self, request: web.Request) -> web.Response:
        """Reply as the fate of the instruction says."""
        body = await request.json()
        text, temperature = body["messages"][-1]["content"], body["temperature"]
        name = name_of(body["messages"], temperature)
        self.asked[name] += 1
        if self._latency_s:
            await asyncio.sleep(self._latency_s)
        fated = fate_of_call(text) if self._is_faulty else "well"
        if fated in ONCE and self.asked[name] == 1:
            return await once(fated)
        if fated == "dead":
            return error(500, "it is broken for good")
        if fated == "odd":
            return error(400, "no such parameter")
        if fated == "filtered":
            return error(400, "the content_filter was triggered")
        if fated == "too_long":
            return error(400, "this model's maximum context length is 10 tokens")
        if fated == "too_long_by_code":
            return error(400, "shorten it", code="context_length_exceeded")
        reason = "length" if fated == "truncated" else "stop"
        message = {
            "role": "assistant",
            "content": reply(text, temperature, self._is_faulty),
        }
        choice = {"index": 0, "message": message, "finish_reason": reason}
        return web.json_response({"choices": [choice], "usage": USAGE})

    async def models(self, _: web.Request) -> web.Response:
        """Name the one model."""
        return web.json_response({"object": "list", "data": [{"id": "scripted"}]})

    async def counts(self, _: web.Request) -> web.Response:
        """Tell how often each thing was asked."""
        return web.json_response(dict(self.asked))


def name_of(messages: Sequence[Any], temperature: float) -> str:
    """Return the name that one question is counted by."""
    return hashlib.sha256(json.dumps([list(messages), temperature]).encode()).hexdigest()


async def once(fated: str) -> web.Response:
    """Fail as it happens to a request that succeeds when it is sent again."""
    if fated == "limited":
        return error(429, "too many requests", str(RETRY_AFTER_S))
    if fated == "slow":
        await asyncio.sleep(SLOW_S)
    return error(500, "it is broken")


def error(
    status: int, message: str, retry_after: str | None = None, code: str | None = None
) -> web.Response:
    """Return an error in OpenAI's form."""
    headers = {"Retry-After": retry_after} if retry_after else None
    body = {"error": {"message": message, "code": code}}
    return web.json_response(body, status=status, headers=headers)


def app(replies: Replies) -> web.Application:
    """Return the routes as an application."""
    made = web.Application(client_max_size=1 << 26)
    made.router.add_post("/v1/chat/completions", replies.chat)
    made.router.add_get("/v1/models", replies.models)
    made.router.add_get("/asked", replies.counts)
    return made


@contextmanager
def scripted_teacher(is_faulty: bool = False, latency_s: float = 0.0) -> Iterator[str]:
    """Start one and yield its base URL."""
    command = [sys.executable, "-m", "tests.train.recycling.scripted_teacher"]
    command += ["--latency-s", str(latency_s), *["--faulty"] * is_faulty]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


async def serve(replies: Replies, port: int) -> None:
    """Serve until killed; the first line printed is the base URL."""
    runner = web.AppRunner(app(replies), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}/v1", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--faulty", action="store_true")
    parser.add_argument("--latency-s", type=float, default=0.0)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    asyncio.run(serve(Replies(given.faulty, given.latency_s), given.port))
