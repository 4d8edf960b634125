"""Many clients, of which some leave and some send rubbish, a promotion, signals, a sudden death.

The server runs in a process of its own, around an engine that steps all replies at once.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.parts.running import Server, running
from decoding.bundle import Bundle
from tests.server.versions import make_version

NUM_STREAMS, WAIT_S = 256, 120.0
UNFINISHED = re.compile(r"^vllm:num_requests_(?:running|waiting)\{.*?\} (\S+)$", re.MULTILINE)
OVERSIZED = b'{"model": "' + b"x" * (5 << 20) + b'"}'
MALFORMED = (b"", b"{", b"[]", b'{"model": "tiny"}', b"\xff\xfe", b"[" * 100_000)


@dataclass(frozen=True)
class Seen:
    """What a client saw: status 0 is a connection that was never taken."""

    status: int
    body: bytes

    @property
    def ending(self) -> str:
        """Tell how it ended for the client; anything but "broken" is clear."""
        if not self.status:
            return "not taken"
        if self.status == 200:
            events = [line for line in self.body.split(b"\n") if line.startswith(b"data:")]
            if events and events[-1] == b"data: [DONE]":
                return "whole"
            return "error event" if events and b'"error":' in events[-1] else "broken"
        return f"{self.status}" if json.loads(self.body)["error"]["message"] else "broken"


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Server]:
    command = ["-m", "tests.serve_stepped", "--folder", str(folder), *options]
    with running(command) as server:
        yield server


async def post(url: str, data: bytes, path: str = "/v1/chat/completions") -> Seen:
    """Send a body and read what comes until the server closes."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    seen = b""
    try:
        reader, writer = await asyncio.open_connection(*url[7:].split(":"))
    except ConnectionError:
        return Seen(0, b"")
    try:
        with suppress(ConnectionError):  # one whose body is refused may be cut while it sends
            writer.write(head.encode() + data)
            await writer.drain()
        with suppress(ConnectionError):
            while part := await reader.read(65536):
                seen += part
    finally:
        writer.close()
    head_seen, _, rest = seen.partition(b"\r\n\r\n")
    if not head_seen:
        return Seen(0, b"")
    if b"chunked" in head_seen:
        rest = b"".join(rest.split(b"\r\n")[1::2])
    return Seen(int(head_seen.split()[1]), rest)


def chat(number: int, model: str = "tiny") -> bytes:
    message = {"role": "user", "content": f"Question {number}"}
    return json.dumps({"model": model, "messages": [message], "stream": True}).encode()


async def crowd(
    url: str, *, seed: int, during_s: float, size: int = NUM_STREAMS, model: str = "tiny"
) -> Counter[str]:
    """Send the streams at random moments; one in ten leaves at another, one in twenty is wrong."""
    draw = random.Random(seed)

    async def one(number: int) -> str:
        await asyncio.sleep(draw.random() * during_s)
        kind = draw.random()
        if kind < 0.05:
            wrong = OVERSIZED if draw.random() < 0.3 else draw.choice(MALFORMED)
            return f"wrong: {(await post(url, wrong)).ending}"
        if kind < 0.15:
            try:
                async with asyncio.timeout(draw.random() * during_s / 2):
                    await post(url, chat(number, model))
            except TimeoutError:
                return "left"
            return "left too late"
        return (await post(url, chat(number, model))).ending

    async with asyncio.timeout(WAIT_S):
        return Counter(await asyncio.gather(*map(one, range(size))))


def census(server: Server) -> dict[str, Any]:
    server.process.send_signal(signal.SIGUSR1)
    assert server.process.stdout is not None
    counted: dict[str, Any] = json.loads(server.process.stdout.readline())
    return counted


async def settled(server: Server, num_tasks: int) -> dict[str, Any]:
    """Count until nothing is left of the requests, or for a while."""
    for _ in range(100):
        counted = census(server)
        if not counted["num_unfinished"] and counted["num_tasks"] <= num_tasks:
            break
        await asyncio.sleep(0.1)
    return counted


@pytest.fixture
def folders(bundle: Bundle, tmp_path: Path) -> tuple[Bundle, Bundle]:
    """Two versions of a model, one to promote; this engine writes no golden replies."""
    versions = (make_version(bundle.folder, tmp_path / f"v{n}", n) for n in (1, 2))
    old, new = (replace(version, golden_replies=()) for version in versions)
    old.save()
    new.save()
    return old, new


async def test_a_crowd_and_a_promotion_leave_nothing_behind(folders: tuple[Bundle, Bundle]) -> None:
    old, new = folders
    with serving(old.folder) as server:
        assert (await post(server.url, chat(0))).ending == "whole"
        before = census(server)
        crowding = asyncio.create_task(crowd(server.url, seed=1, during_s=3))
        await asyncio.sleep(1)
        async with httpx.AsyncClient(base_url=server.url, timeout=WAIT_S) as client:
            promoted = await client.post(
                "/admin/promote", json={"folder": str(new.folder), "is_untested": True}
            )
        assert promoted.status_code == 200, promoted.text
        endings = await crowding
        after = await settled(server, before["num_tasks"])
        assert (await post(server.url, chat(0))).ending == "whole"
    assert endings["whole"] > NUM_STREAMS / 2, endings
    assert endings["left"] > 5, endings
    wrong = {ending for ending in endings if ending.startswith("wrong")}
    assert wrong <= {"wrong: 400", "wrong: 413"}, endings
    assert endings.keys() - wrong <= {"whole", "left", "left too late"}, endings
    assert after["num_unfinished"] == 0
    assert after["num_tasks"] == before["num_tasks"]


async def test_a_signal_in_a_crowd_lets_end_what_was_taken(folders: tuple[Bundle, Bundle]) -> None:
    with serving(folders[0].folder) as server:
        assert (await post(server.url, chat(0))).ending == "whole"
        crowding = asyncio.create_task(crowd(server.url, seed=2, during_s=3))
        await asyncio.sleep(1.5)
        server.process.send_signal(signal.SIGTERM)
        endings = await crowding
        assert await asyncio.to_thread(server.process.wait, WAIT_S) == 0
    clear = {"whole", "left", "left too late", "503", "not taken"}
    wrong = {f"wrong: {ending}" for ending in ("400", "413", "503", "not taken")}
    assert endings.keys() <= clear | wrong, endings
    assert endings["whole"] > 20, endings
    assert endings["503"] + endings["not taken"] > 20, endings


async def test_what_was_stored_survives_a_sudden_death(
    folders: tuple[Bundle, Bundle], tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    question = {"model": "tiny", "input": "How many?"}
    stored: dict[str, Any] = {}
    running_in_background: list[str] = []
    with serving(folders[0].folder, "--data", str(data)) as server:
        async with httpx.AsyncClient(base_url=server.url, timeout=WAIT_S) as client:

            async def ask(number: int) -> None:
                with suppress(httpx.TransportError):
                    is_background = number % 4 == 0
                    body = question | {"background": is_background}
                    answer = (await client.post("/v1/responses", json=body)).json()
                    if is_background:
                        running_in_background.append(answer["id"])
                    else:
                        stored[answer["id"]] = answer

            asking = [asyncio.create_task(ask(number)) for number in range(64)]
            await asyncio.wait(asking[:16])
            server.process.kill()
            await asyncio.wait(asking)
    assert len(stored) >= 12
    (file,) = data.glob("responses*.db")
    with sqlite3.connect(file) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()
    with serving(folders[0].folder, "--data", str(data)) as server:
        async with httpx.AsyncClient(base_url=server.url, timeout=WAIT_S) as client:
            for id, answer in stored.items():
                again = (await client.get(f"/v1/responses/{id}")).json()
                assert again["output"] == answer["output"]
                assert again["status"] == "completed"
            for id in running_in_background:
                assert (await client.get(f"/v1/responses/{id}")).status_code == 200
            answer = (await client.post("/v1/responses", json=question)).json()
            assert answer["status"] == "completed"


@pytest.mark.engine
async def test_a_crowd_leaves_nothing_behind_in_the_real_engine(real_server: Any) -> None:
    endings = await crowd(real_server.url, seed=3, during_s=4, size=48, model=real_server.model)
    assert endings["whole"] > 24, endings
    clear = {"whole", "left", "left too late", "wrong: 400", "wrong: 413"}
    assert endings.keys() <= clear, endings
    async with httpx.AsyncClient(base_url=real_server.url, timeout=WAIT_S) as client:
        async with asyncio.timeout(WAIT_S):
            while any(  # noqa: ASYNC110
                map(float, UNFINISHED.findall((await client.get("/metrics")).text))
            ):
                await asyncio.sleep(0.1)
        assert (await client.get("/ready")).status_code == 200
