import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from email.utils import formatdate
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from client.endpoint import AskError, Endpoint
from client.errors import EndpointError
from client.retries import Retries
from client.turn import Turn

SAID = [{"role": "user", "content": "2 + 2?"}]
FAST = Retries(max_attempts=3, first_pause_s=0.001)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def said(message: Any = None, **others: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": "4"} if message is None else message
    return {"choices": [{"message": message, "finish_reason": "stop"}], **others}


def failed(status: int, message: str = "no", **headers: str) -> Callable[[], web.Response]:
    body = {"error": {"message": message}}
    return lambda: web.json_response(body, status=status, headers=headers)


def in_turn(*replies: Any) -> Handler:
    """Give one reply after the other, the last for ever; a dict is a 200, bytes are its body."""
    left: Iterator[Any] = iter(replies)

    async def handler(_: web.Request) -> web.StreamResponse:
        reply = next(left, replies[-1])
        if isinstance(reply, bytes):
            return web.Response(body=reply)
        if callable(reply):
            return cast(web.Response, reply())
        return web.json_response(reply)

    return handler


@asynccontextmanager
async def serving(
    handler: Handler, models: Handler | None = None, **options: Any
) -> AsyncIterator[Endpoint]:
    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/v1/chat/completions", handler)
    app.router.add_get("/v1/models", models or in_turn({"data": [{"id": "fake"}]}))
    async with TestServer(app) as server:
        given: dict[str, Any] = {"model": "fake", "retries": FAST} | options
        async with Endpoint(str(server.make_url("/v1")), **given) as endpoint:
            yield endpoint


async def ask(handler: Handler, **options: Any) -> tuple[Turn, int]:
    async with serving(handler, **options) as endpoint:
        return await endpoint.ask_counting(SAID, {})


async def failure(handler: Handler, **options: Any) -> AskError:
    with pytest.raises(AskError) as raised:
        await ask(handler, **options)
    return raised.value


async def test_the_request_carries_model_messages_fields_and_key() -> None:
    seen: dict[str, Any] = {}

    async def handler(request: web.Request) -> web.Response:
        seen.update(await request.json(), key=request.headers["Authorization"])
        return web.json_response(said())

    async with serving(handler, key="sk-1") as endpoint:
        await endpoint.ask(SAID, {"temperature": 0.0, "reasoning_effort": "low"})
    assert seen == {
        "model": "fake",
        "messages": SAID,
        "temperature": 0.0,
        "reasoning_effort": "low",
        "key": "Bearer sk-1",
    }


async def test_a_reply_is_read_whole() -> None:
    usage = {"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 5}}
    message = {"role": "assistant", "content": "4", "reasoning": "2 and 2"}
    turn, attempts = await ask(in_turn(said(message, usage=usage, system_fingerprint="fp_1")))
    assert attempts == 1
    assert turn.latency_s > 0
    assert turn == Turn("4", "2 and 2", "stop", usage, turn.latency_s, "fp_1")


@pytest.mark.parametrize(
    ("message", "content", "reasoning"),
    [
        ({"content": "4", "reasoning_content": "so"}, "4", "so"),
        ({"content": None}, "", None),
        ({}, "", None),
        ({"content": None, "refusal": "I cannot"}, "", None),
        ({"content": [{"type": "text", "text": "4"}, {"type": "image"}, 3]}, "4", None),
        ({"content": {"text": "4"}}, "", None),
        ({"content": "a \ud800 b"}, "a \ufffd b", None),
        ({"content": "\U0001f600é"}, "\U0001f600é", None),
        ({"content": "4", "reasoning": ""}, "4", None),
    ],
)
async def test_content_of_any_form_becomes_text(
    message: dict, content: str, reasoning: str | None
) -> None:
    turn, _ = await ask(in_turn(said(message)))
    assert (turn.content, turn.reasoning) == (content, reasoning)


async def test_usage_and_finish_reason_of_another_form_are_dropped() -> None:
    reply = {"choices": [{"message": {"content": "4"}, "finish_reason": 3}], "usage": [1]}
    turn, _ = await ask(in_turn(reply))
    assert (turn.finish_reason, turn.usage, turn.num_tokens) == (None, None, None)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
async def test_what_passes_by_is_asked_again(status: int) -> None:
    turn, attempts = await ask(in_turn(failed(status), failed(status), said()))
    assert (turn.content, attempts) == ("4", 3)


async def test_what_does_not_pass_by_ends_after_so_many_attempts() -> None:
    error = await failure(in_turn(failed(503, "overloaded")))
    assert (error.failure.status, error.failure.message, error.attempts) == (503, "overloaded", 3)


@pytest.mark.parametrize("status", [400, 413, 422, 302])
async def test_what_no_retry_would_change_is_not_asked_again(status: int) -> None:
    error = await failure(in_turn(failed(status, "bad"), said()))
    assert (error.failure.status, error.attempts) == (status, 1)


@pytest.mark.parametrize("told", ["0.2", "date"])
async def test_the_pause_that_the_server_asks_for_is_kept(told: str) -> None:
    now = time.time()
    header = formatdate(now + 2, usegmt=True) if told == "date" else told
    await ask(in_turn(failed(429, **{"Retry-After": header}), said()))
    assert time.time() >= (int(now) + 2 if told == "date" else now + 0.2)


async def test_after_a_429_all_wait_for_as_long_as_it_says() -> None:
    came_s: list[float] = []
    replies = in_turn(failed(429, **{"Retry-After": "1"}), said())

    async def handler(request: web.Request) -> web.StreamResponse:
        came_s.append(time.monotonic())
        return await replies(request)

    async with serving(handler, concurrency=4) as endpoint:
        first = asyncio.create_task(endpoint.ask(SAID, {}))
        await asyncio.sleep(0.5)  # so that the reply has come before the others ask
        await asyncio.gather(first, *(endpoint.ask(SAID, {}) for _ in range(3)))
    assert len(came_s) == 5
    assert min(came_s[1:]) >= came_s[0] + 1


def limiting(num_allowed: int, window_s: float) -> tuple[Handler, list[bool]]:
    """Allow so many requests in a window, refused ones counted; return beside it what came."""
    allowed: list[bool] = []
    windows: dict[int, int] = {}

    async def handler(_: web.Request) -> web.Response:
        window = int(time.monotonic() / window_s)
        windows[window] = windows.get(window, 0) + 1
        allowed.append(windows[window] <= num_allowed)
        return web.json_response(said()) if allowed[-1] else failed(429, "too many")()

    return handler, allowed


async def test_a_crowd_outlives_a_limit_of_rate_that_it_is_far_above() -> None:
    handler, allowed = limiting(10, 0.25)
    retries = Retries(max_attempts=1, first_pause_s=0.05)
    async with serving(handler, concurrency=64, retries=retries) as endpoint:
        turns = await asyncio.gather(*(endpoint.ask(SAID, {}) for _ in range(64)))
    assert [turn.content for turn in turns] == ["4"] * 64
    assert allowed.count(False) > 0


async def test_requests_leave_no_faster_than_allowed() -> None:
    handler, allowed = limiting(1000, 60)
    async with serving(handler, requests_per_minute=1200) as endpoint:
        begun_s = time.monotonic()
        await asyncio.gather(*(endpoint.ask(SAID, {}) for _ in range(5)))
    assert time.monotonic() - begun_s >= 4 * 0.05
    assert len(allowed) == 5


async def test_one_that_always_comes_too_soon_ends_while_others_get_replies() -> None:
    async def handler(request: web.Request) -> web.Response:
        asked = await request.json()
        return failed(429)() if "hopeless" in asked else web.json_response(said())

    retries = Retries(max_attempts=1, first_pause_s=0.001, max_holds=3)
    async with serving(handler, retries=retries) as endpoint:
        hopeless = asyncio.create_task(endpoint.ask(SAID, {"hopeless": True}))
        while not hopeless.done():
            await endpoint.ask(SAID, {})
        with pytest.raises(AskError) as raised:
            await hopeless
    assert (raised.value.failure.status, raised.value.attempts) == (429, 4)


async def test_an_endpoint_that_only_ever_says_429_ends_them_all() -> None:
    retries = Retries(max_attempts=1, first_pause_s=0.001, max_holds=3)
    async with serving(in_turn(failed(429)), retries=retries) as endpoint:
        asked = (endpoint.ask_counting(SAID, {}) for _ in range(3))
        ended = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(error, AskError) and error.attempts <= 4 for error in ended)


@pytest.mark.parametrize("status", [429, 503])
async def test_after_a_stop_nothing_waits_to_be_sent_and_what_was_sent_ends(status: int) -> None:
    came = asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        if (await request.json()).get("is_slow"):
            await came.wait()
            return web.json_response(said())
        came.set()
        return failed(status, **{"Retry-After": "600"})()

    async with serving(handler) as endpoint:
        slow = asyncio.create_task(endpoint.ask(SAID, {"is_slow": True}))
        held = asyncio.create_task(endpoint.ask(SAID, {}))
        assert (await slow).content == "4"
        endpoint.stop()
        async with asyncio.timeout(30):
            with pytest.raises(AskError, match="not sent any more") as raised:
                await held
    assert raised.value.attempts == 1


@pytest.mark.parametrize(
    "said",
    [
        {"message": "no", "code": "insufficient_quota"},
        {"message": "Request too large for x on tokens per min: Limit 9, Requested 10."},
    ],
)
async def test_what_no_pause_would_mend_is_no_limit_of_rate(said: dict[str, str]) -> None:
    body = {"error": said}
    error = await failure(in_turn(lambda: web.json_response(body, status=429)))
    assert error.attempts == FAST.max_attempts


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"choices": []}',
        b'{"choices": [{}]}',
        b'{"choices": [{"message": null}]}',
        b'{"choices": [{"message": "4"}]}',
        b'{"choices": 3}',
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"choices": [{"message": {"content": "4',
        b"[" * 100_000,
        b'{"choices": ' + b"9" * 5000 + b"}",
    ],
)
async def test_garbage_is_asked_again_and_then_a_failure(body: bytes) -> None:
    turn, attempts = await ask(in_turn(body, said()))
    assert (turn.content, attempts) == ("4", 2)
    error = await failure(in_turn(body))
    assert error.failure.status is None
    assert error.failure.message.startswith("not a chat completion")
    assert len(error.failure.message) < 400


async def test_a_server_that_closes_connections_is_asked_again() -> None:
    num_requests = 0

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal num_requests
        num_requests += 1
        assert request.transport is not None
        if num_requests == 1:
            request.transport.close()
        if num_requests == 2:  # in the midst of the body
            response = web.StreamResponse(headers={"Content-Length": "1000"})
            await response.prepare(request)
            await response.write(b'{"choices"')
            request.transport.close()
            return response
        return web.json_response(said())

    turn, attempts = await ask(handler)
    assert (turn.content, attempts) == ("4", 3)


async def test_a_server_that_is_too_slow_is_a_failure() -> None:
    async def handler(_: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.json_response(said())

    error = await failure(handler, timeout_s=0.05)
    assert (error.failure.message, error.attempts) == ("no reply within 0.05 s", 3)


async def test_a_reply_of_megabytes_comes_whole_and_an_endless_one_is_a_failure() -> None:
    huge = "x" * (20 << 20)
    turn, _ = await ask(in_turn(said({"content": huge})))
    assert turn.content == huge

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" " * (1 << 20))

    error = await failure(endless)
    assert error.failure.message.startswith("a reply of more than")


async def test_no_more_requests_than_allowed_are_under_way() -> None:
    now = most = 0

    async def handler(_: web.Request) -> web.Response:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.005)
        now -= 1
        return web.json_response(said())

    async with serving(handler, concurrency=3) as endpoint:
        await asyncio.gather(*(endpoint.ask(SAID, {}) for _ in range(30)))
    assert most == 3


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_key_or_model_that_is_refused_stops_everything(status: int) -> None:
    with pytest.raises(EndpointError, match=r"refuses 'fake', \d+: no such.*REFLECT_API_KEY"):
        await ask(in_turn(failed(status, "no such")))


async def test_after_a_reply_a_refused_key_is_one_sample_s_failure() -> None:
    async with serving(in_turn(said(), failed(401))) as endpoint:
        await endpoint.ask(SAID, {})
        with pytest.raises(AskError):
            await endpoint.ask(SAID, {})


async def test_a_server_that_hides_its_reasoning_is_named() -> None:
    hidden = failed(403, "policy hides the reasoning; 'include_reasoning' needs a key")
    async with serving(in_turn(hidden)) as endpoint:
        with pytest.raises(EndpointError, match="does not show the reasoning"):
            await endpoint.ask(SAID, {"include_reasoning": True})


async def test_messages_of_errors_are_short_and_hold_neither_key_nor_host() -> None:
    told = failed(400, f"bad key sk-secret {'x ' * 1000}")
    error = await failure(in_turn(told), key="sk-secret")
    assert "sk-secret" not in error.failure.message
    assert len(error.failure.message) < 310
    async with Endpoint("http://127.0.0.1:9/v1", "m", retries=FAST) as endpoint:
        with pytest.raises(AskError) as raised:
            await endpoint.ask(SAID, {})
    assert "127.0.0.1" not in raised.value.failure.message
    assert raised.value.attempts == 3


@pytest.mark.parametrize("padding", [0, 290, 299])
@pytest.mark.parametrize("status", [200, 400])
async def test_the_key_is_told_by_no_reply_that_is_refused(status: int, padding: int) -> None:
    async def handler(request: web.Request) -> web.Response:
        text = "x" * padding + request.headers["Authorization"]
        return web.Response(text=f"<html>{text}</html>", status=status)

    message = (await failure(handler, key="sk-secret")).failure.message
    assert "sk-" not in message
    assert padding or "Bearer ***" in message


async def test_the_key_is_not_told_where_the_models_are_refused() -> None:
    refused = in_turn(failed(401, "no such key: sk-secret"))
    async with serving(in_turn(said()), models=refused, key="sk-secret", model=None) as endpoint:
        with pytest.raises(EndpointError, match=r"tell its models, 401: no such key: \*"):
            await endpoint.find_model()


def test_a_key_that_no_header_can_hold_is_refused_and_not_told() -> None:
    with pytest.raises(EndpointError, match="line break") as raised:
        Endpoint("http://127.0.0.1/v1", key="sk-secret\n")
    assert "sk-" not in str(raised.value)


async def test_what_no_file_could_hold_is_kept_out_of_a_turn() -> None:
    usage = {
        "completion_tokens": 10**400,
        "prompt_tokens": -5,
        "cost": float("nan"),
        "is_cached": True,
        "note": "\ud800",
        "completion_tokens_details": {"reasoning_tokens": 3, "of": [1]},
        "prompt_tokens_details": [1],
        "\ud800": 7,
    }
    reply = said(usage=usage, system_fingerprint="fp \ud800")
    reply["choices"][0]["finish_reason"] = "st\ud800op"
    turn, _ = await ask(in_turn(reply))
    assert turn.usage == {"completion_tokens_details": {"reasoning_tokens": 3}, "\ufffd": 7}
    assert (turn.finish_reason, turn.fingerprint) == ("st\ufffdop", "fp \ufffd")


async def test_a_refusal_without_words_and_a_redirection_are_told() -> None:
    silent = in_turn(lambda: web.Response(status=400))
    assert (await failure(silent)).failure.message == "it does not say why"
    moved = in_turn(lambda: web.Response(status=302, headers={"Location": "http://elsewhere/"}))
    assert "a redirection, which is not followed" in (await failure(moved)).failure.message


@pytest.mark.parametrize(
    "reply", [b"plain words", b'{"error": "words"}', b'{"message": "words"}', b"{", b"\xff", b""]
)
async def test_errors_of_any_form_are_told(reply: bytes) -> None:
    error = await failure(in_turn(lambda: web.Response(body=reply, status=400)))
    assert error.failure.status == 400


async def test_the_only_model_is_found() -> None:
    async with serving(in_turn(said()), model=None) as endpoint:
        await endpoint.find_model()
        assert endpoint.model == "fake"


@pytest.mark.parametrize(
    ("models", "message"),
    [
        (in_turn({"data": [{"id": "a"}, {"id": "b"}]}), "serves a, b: choose one"),
        (in_turn(failed(404)), "tells no models"),
        (in_turn({"data": 3}), "tells no models"),
        (in_turn(failed(401, "who are you")), "401: who are you"),
    ],
)
async def test_where_no_model_can_be_settled_the_reason_is_told(
    models: Handler, message: str
) -> None:
    async with serving(in_turn(said()), models, model=None) as endpoint:
        with pytest.raises(EndpointError, match=message):
            await endpoint.find_model()


async def test_a_named_model_needs_no_list_of_models() -> None:
    async with serving(in_turn(said()), in_turn(failed(404))) as endpoint:
        await endpoint.find_model()
        assert (await endpoint.ask(SAID, {})).content == "4"


async def test_where_nothing_answers_the_remedy_is_told() -> None:
    async with Endpoint("http://127.0.0.1:9/v1", retries=FAST) as endpoint:
        with pytest.raises(EndpointError, match=r"nothing answers at .*make serve"):
            await endpoint.find_model()


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://x/v1", ""])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(EndpointError, match="is no URL"):
        Endpoint(url, "m")
