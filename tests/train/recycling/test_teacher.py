import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from client.endpoint import Endpoint
from client.errors import EndpointError
from client.retries import Retries
from files.journal import Journal
from tests.train.recycling.scripted_teacher import (
    SLOW_S,
    USAGE,
    Replies,
    app,
    better_answer,
    error,
    name_of,
)
from train.recycling.calls import Calls
from train.recycling.parsing import BETTER_ANSWER, Parsed
from train.recycling.prompts import RESPONSE, render
from train.recycling.settings import Teacher as Settings
from train.recycling.status import Status
from train.recycling.teacher import MAX_ERRORS_IN_A_ROW, Teacher
from train.sample import Sample


class Scene:
    """A teacher before a scripted endpoint, with the journal of one folder."""

    def __init__(self, teacher: Teacher, replies: Replies, file: Path) -> None:
        self.teacher, self.replies, self.file = teacher, replies, file

    async def reflect(self, instruction: str) -> tuple[Parsed, int]:
        sample = Sample(instruction, "So.")
        return await self.teacher.reflect(sample.id, RESPONSE, sample, (BETTER_ANSWER,))

    def num_asked(self, instruction: str, temperature: float = 0.0) -> int:
        messages = render(RESPONSE, Sample(instruction, "So."))
        return self.replies.asked[name_of(messages, temperature)]


@asynccontextmanager
async def scene(
    folder: Path,
    replies: Replies | None = None,
    handler: Callable[[web.Request], Awaitable[web.Response]] | None = None,
    timeout_s: float = 60.0,
    **given: Any,
) -> AsyncIterator[Scene]:
    replies = replies or Replies(is_faulty=True, latency_s=0.0)
    if handler is None:
        made = app(replies)
    else:
        made = web.Application()
        made.router.add_post("/v1/chat/completions", handler)
    settings = Settings(**given)
    file = folder / "journal.jsonl"
    async with TestServer(made) as server:
        retries = Retries(max_attempts=3, first_pause_s=0.001)
        endpoint = Endpoint(
            str(server.make_url("/v1")), "m", None, settings.concurrency, timeout_s, retries
        )
        async with endpoint:
            with Calls(file) as calls:
                yield Scene(Teacher(endpoint, calls, settings), replies, file)


@pytest.mark.parametrize(
    ("fate", "status", "num_attempts"),
    [
        ("well", Status.OK, 1),
        ("hot", Status.OK, 2),
        ("unmarked", Status.PARSE_FAILED, 2),
        ("nested", Status.PARSE_FAILED, 2),
        ("truncated", Status.TRUNCATED, 2),
        ("refused", Status.REFUSED, 1),
        ("filtered", Status.REFUSED, 1),
        ("too_long", Status.TOO_LONG, 1),
        ("too_long_by_code", Status.TOO_LONG, 1),
        ("limited", Status.OK, 1),
        ("broken", Status.OK, 1),
        ("dead", Status.API_ERROR, 1),
        ("odd", Status.API_ERROR, 1),
    ],
)
async def test_every_fate_ends_in_its_status(
    tmp_path: Path, fate: str, status: Status, num_attempts: int
) -> None:
    async with scene(tmp_path) as told:
        parsed, attempts = await told.reflect(f"fate={fate} x")
    assert (parsed.status, attempts) == (status, num_attempts)
    assert bool(parsed.reason) == (status != Status.OK)


async def test_a_request_that_hangs_is_sent_again(tmp_path: Path) -> None:
    async with scene(tmp_path, timeout_s=SLOW_S / 2) as told:
        parsed, attempts = await told.reflect("fate=slow x")
    assert (parsed.status, attempts) == (Status.OK, 1)
    assert told.num_asked("fate=slow x") > 1


async def test_a_reply_is_asked_for_once_in_all_sessions(tmp_path: Path) -> None:
    replies = Replies(is_faulty=True, latency_s=0.0)
    for fate in ("well", "hot", "refused", "filtered"):
        for _ in range(2):
            async with scene(tmp_path, replies) as told:
                first = await told.reflect(f"fate={fate} x")
                assert await told.reflect(f"fate={fate} x") == first
        assert told.num_asked(f"fate={fate} x") == 1
    assert told.num_asked("fate=hot x", 0.7) == 1


@pytest.mark.parametrize(("fate", "num_requests"), [("dead", 3), ("odd", 1)])
async def test_a_failure_that_passes_is_asked_again_by_the_next_session(
    tmp_path: Path, fate: str, num_requests: int
) -> None:
    replies = Replies(is_faulty=True, latency_s=0.0)
    for session in (1, 2):
        async with scene(tmp_path, replies) as told:
            parsed, _ = await told.reflect(f"fate={fate} x")
        assert parsed.status.is_passing
        assert told.num_asked(f"fate={fate} x") == num_requests * session


async def test_what_two_samples_ask_alike_at_the_same_time_is_paid_for_once(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path, Replies(is_faulty=True, latency_s=0.02)) as told:
        found = await asyncio.gather(*(told.reflect("fate=well x") for _ in range(3)))
        await asyncio.gather(*(told.reflect("fate=dead x") for _ in range(2)))
    assert {parsed.status for parsed, _ in found} == {Status.OK}
    assert told.num_asked("fate=well x") == 1
    assert told.num_asked("fate=dead x") == 6  # nobody is told of a failure that was not their own


async def test_a_read_again_never_repeats_a_prompt_at_the_same_temperature(tmp_path: Path) -> None:
    async with scene(tmp_path, temperatures=(0.0, 0.5, 1.0)) as told:
        _, attempts = await told.reflect("fate=unmarked x")
    assert attempts == 3
    lines = [line["request"] for line in Journal(told.file) if "request" in line]
    assert [line["temperature"] for line in lines] == [0.0, 0.5, 1.0]


async def test_a_free_slot_is_refilled_at_once_however_slow_another_request_is(
    tmp_path: Path,
) -> None:
    under_way, most, slow_is_done = 0, 0, asyncio.Event()
    num_answered = 0

    async def handler(request: web.Request) -> web.Response:
        nonlocal under_way, most, num_answered
        body = await request.json()
        under_way += 1
        most = max(most, under_way)
        if "slow one" in body["messages"][-1]["content"]:
            await slow_is_done.wait()
        under_way -= 1
        num_answered += 1
        if num_answered == 19:  # all others went through the other slot
            slow_is_done.set()
        reply = "[Better Answer]\nx\n[End of Better Answer]"
        return web.json_response({"choices": [{"message": {"content": reply}}]})

    async with scene(tmp_path, handler=handler, concurrency=2) as told:
        names = ["slow one", *map(str, range(19))]
        found = await asyncio.gather(*map(told.reflect, names))
    assert [parsed.status for parsed, _ in found] == [Status.OK] * 20
    assert most == 2


async def test_one_failing_request_repeats_no_other(tmp_path: Path) -> None:
    names = [f"fate=well {number}" for number in range(9)]
    async with scene(tmp_path) as told:
        found = await asyncio.gather(*map(told.reflect, [*names, "fate=dead x"]))
        assert [parsed.status for parsed, _ in found] == [Status.OK] * 9 + [Status.API_ERROR]
        assert [told.num_asked(name) for name in names] == [1] * 9


async def test_a_key_that_is_refused_ends_the_session_with_one_request(tmp_path: Path) -> None:
    num_asked = 0

    async def handler(_: web.Request) -> web.Response:
        nonlocal num_asked
        num_asked += 1
        return web.json_response({"error": {"message": "wrong key"}}, status=401)

    async with scene(tmp_path, handler=handler, concurrency=1) as told:
        found = await asyncio.gather(*map(told.reflect, map(str, range(9))))
    assert {parsed.status for parsed, _ in found} == {Status.SKIPPED}
    assert isinstance(told.teacher.error, EndpointError)
    assert num_asked == 1


async def test_errors_in_a_row_end_the_session(tmp_path: Path) -> None:
    async with scene(tmp_path, concurrency=1) as told:
        for number in range(MAX_ERRORS_IN_A_ROW + 9):
            parsed, _ = await told.reflect(f"fate=odd {number}")
        assert parsed.status == Status.SKIPPED
    assert told.replies.asked.total() == MAX_ERRORS_IN_A_ROW
    assert "gave up after 20 errors in a row" in str(told.teacher.error)


async def test_errors_that_replies_come_between_do_not(tmp_path: Path) -> None:
    async with scene(tmp_path, concurrency=1) as told:
        for number in range(2 * MAX_ERRORS_IN_A_ROW):
            await told.reflect(f"fate={'odd' if number % 2 else 'well'} {number}")
    assert told.teacher.error is None


async def test_samples_that_cannot_be_asked_are_no_sign_of_a_broken_endpoint(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path, concurrency=1) as told:
        for number in range(MAX_ERRORS_IN_A_ROW + 9):
            parsed, _ = await told.reflect(f"fate=too_long {number}")
    assert parsed.status == Status.TOO_LONG
    assert told.teacher.error is None


async def test_after_a_stop_what_is_under_way_ends_and_nothing_else_is_asked(
    tmp_path: Path,
) -> None:
    replies = Replies(is_faulty=False, latency_s=0.1)
    async with scene(tmp_path, replies, concurrency=2) as told:
        tasks = [asyncio.create_task(told.reflect(str(number))) for number in range(9)]
        await asyncio.sleep(0.05)
        told.teacher.stop()
        found = [(await task)[0] for task in tasks]
        assert told.teacher.has_ended
    assert [parsed.status for parsed in found] == [Status.OK] * 2 + [Status.SKIPPED] * 7
    assert sum("turn" in line for line in Journal(told.file)) == 2


async def test_a_stop_ends_the_waiting_for_an_endpoint_that_wants_a_pause(tmp_path: Path) -> None:
    limited = asyncio.Event()

    async def handler(_: web.Request) -> web.Response:
        limited.set()
        return error(429, "too many requests", retry_after="600")

    async with scene(tmp_path, handler=handler, concurrency=2 * MAX_ERRORS_IN_A_ROW) as told:
        tasks = [asyncio.create_task(told.reflect(str(number))) for number in range(99)]
        await limited.wait()
        told.teacher.stop()
        async with asyncio.timeout(30):
            found = [(await task)[0] for task in tasks]
    assert all(parsed.status.is_passing for parsed in found)
    assert told.teacher.error is None


async def test_nothing_is_asked_once_the_cost_is_reached(tmp_path: Path) -> None:
    prices: dict[str, Any] = {
        "price_read": 1000.0,
        "price_written": 1000.0,
    }  # 400 + 200 tokens: 0.6 a reply
    async with scene(tmp_path, concurrency=1, max_cost=1.0, **prices) as told:
        found = [(await told.reflect(f"fate=well {number}"))[0].status for number in range(4)]
        assert told.teacher.cost == pytest.approx(1.2)
    assert found == [Status.OK, Status.OK, Status.SKIPPED, Status.SKIPPED]


async def untold(_: web.Request) -> web.Response:
    """Reply without usage."""
    reply = "[Better Answer]\nx\n[End of Better Answer]"
    return web.json_response({"choices": [{"message": {"content": reply}}]})


async def test_a_limit_of_cost_that_cannot_be_kept_ends_the_session(tmp_path: Path) -> None:
    async with scene(tmp_path, handler=untold, concurrency=1, max_cost=1.0) as told:
        found = [(await told.reflect(str(number)))[0].status for number in range(3)]
    assert found == [Status.OK, Status.SKIPPED, Status.SKIPPED]
    assert "told of 1 replies no usage" in str(told.teacher.error)


async def test_without_a_limit_nobody_minds_what_is_not_told(tmp_path: Path) -> None:
    async with scene(tmp_path, handler=untold) as told:
        found = [(await told.reflect(str(number)))[0].status for number in range(3)]
    assert found == [Status.OK] * 3
    assert told.teacher.error is None


async def test_the_reflections_of_a_session_cost_what_their_replies_did_whoever_asked(
    tmp_path: Path,
) -> None:
    price = 1e6 / USAGE["completion_tokens"]  # 1 a reply
    for names, cost in (
        (["fate=well x"], 1),
        (["fate=well x", "fate=hot x"], 3),  # the second is read at the second attempt
        (["fate=well x"], 1),
        (["fate=dead x"], 0),
    ):
        async with scene(tmp_path, price_written=price) as told:
            for name in names:
                await told.reflect(name)
            assert told.teacher.cost_of_reflections == pytest.approx(cost)
    assert told.teacher.cost == pytest.approx(3)


async def test_more_fields_are_sent_and_ours_can_be_left_out(tmp_path: Path) -> None:
    fields = {"max_tokens": False, "max_completion_tokens": 9, "reasoning": {"effort": "low"}}
    async with scene(tmp_path, handler=untold, fields=fields) as told:
        await told.reflect("x")
    (request,) = (line["request"] for line in Journal(told.file) if "request" in line)
    assert request.keys() - {"messages"} == {
        "model", "temperature", "top_p", "max_completion_tokens", "reasoning"
    }  # fmt: skip
    assert (request["max_completion_tokens"], request["reasoning"]) == (9, {"effort": "low"})


async def test_a_reply_to_other_fields_is_another_reply(tmp_path: Path) -> None:
    replies = Replies(is_faulty=True, latency_s=0.0)
    for fields in ({}, {"seed": 1}, {"seed": 1}, {"seed": 2}, {}):
        async with scene(tmp_path, replies, fields=fields) as told:
            await told.reflect("fate=well x")
    assert told.num_asked("fate=well x") == 3


async def test_the_text_of_the_reply_is_what_the_teacher_wrote(tmp_path: Path) -> None:
    async with scene(tmp_path) as told:
        parsed, _ = await told.reflect("fate=well x")
    assert parsed.texts == (better_answer("So."),)


async def test_retry_after_is_waited_for(tmp_path: Path) -> None:
    came_s: list[float] = []

    async def handler(request: web.Request) -> web.Response:
        came_s.append(time.monotonic())
        limited = error(429, "too many requests", retry_after="0.5")
        return limited if len(came_s) == 1 else await untold(request)

    async with scene(tmp_path, handler=handler) as told:
        parsed, _ = await told.reflect("x")
    assert parsed.status == Status.OK
    first_s, second_s = came_s
    assert second_s - first_s >= 0.5


async def test_a_limit_of_rate_is_no_error_however_many_come_too_soon(tmp_path: Path) -> None:
    num_refused, windows = 0, Counter[int]()

    async def handler(request: web.Request) -> web.Response:
        nonlocal num_refused
        window = int(time.monotonic() / 0.25)
        windows[window] += 1
        if windows[window] <= 10:
            return await untold(request)
        num_refused += 1
        return error(429, "too many requests")

    async with scene(tmp_path, handler=handler, concurrency=64) as told:
        found = await asyncio.gather(*(told.reflect(str(number)) for number in range(64)))
        assert told.teacher.error is None
    assert {parsed.status for parsed, _ in found} == {Status.OK}
    assert num_refused > MAX_ERRORS_IN_A_ROW
