"""Endpoint: a model behind the OpenAI chat API; conversations in, turns out, retries inside."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import aiohttp

from client.bodies import error_code, error_message, model_ids, read_turn
from client.errors import EndpointError
from client.pace import Pace
from client.retries import LIMITED, Retries, is_temporary, retry_after_s
from client.turn import Failure, Message, Turn

MAX_REPLY_BYTES = 64 << 20
MAX_QUOTED = 1 << 20  # bytes of a failed reply that are looked at
LOCAL = ("127.0.0.1", "localhost", "[::1]")
WHOLE_RUN = frozenset({401, 403, 404})
NO_PAUSE_HELPS = ("insufficient_quota", "request too large")  # what OpenAI says with a 429 too
NOT_SENT = Failure("not sent any more")


class AskError(Exception):
    """A conversation that got no reply: why, and after how many requests."""

    def __init__(self, failure: Failure, attempts: int) -> None:
        super().__init__(failure.message)
        self.failure, self.attempts = failure, attempts


class RefusalError(Exception):
    """One request that failed; `told_s`: the pause that the server asks for."""

    def __init__(self, failure: Failure, told_s: float | None = None) -> None:
        super().__init__(failure.message)
        self.failure, self.told_s = failure, told_s

    @property
    def is_temporary(self) -> bool:
        """A broken connection or reply (no status) passes by as an overload does."""
        return self.failure.status is None or is_temporary(self.failure.status)

    @property
    def is_limited(self) -> bool:
        """Whether it came too soon: nothing is wrong with it, nor with the endpoint."""
        said = f"{self.failure.code} {self.failure.message}".casefold()
        return self.failure.status == LIMITED and not any(one in said for one in NO_PAUSE_HELPS)


class Endpoint:
    """One model at one base URL; an asynchronous context manager that owns the connections.

    model: None: `find_model` settles it
    At most `concurrency` conversations are under way, those that pause before a retry included,
    and at most `requests_per_minute` requests leave (0: no limit); after a 429 all wait.
    What is wrong with the whole run (no such model, a key that is refused) is an EndpointError,
    unless a reply has come before; what is wrong with one conversation is an AskError.
    """

    def __init__(
        self,
        base_url: str,
        model: str | None = None,
        key: str | None = None,
        concurrency: int = 16,
        timeout_s: float = 600.0,
        retries: Retries | None = None,
        requests_per_minute: int = 0,
    ) -> None:
        if not base_url.startswith(("http://", "https://")):
            raise EndpointError(f"{base_url!r} is no URL of an endpoint: http://HOST:PORT/v1")
        if key and not key.isprintable():
            raise EndpointError("the key holds a line break or the like: set it without")
        self.base_url, self.model = base_url.rstrip("/"), model or ""
        self._key, self._timeout_s = key, timeout_s
        self._retries = retries or Retries()
        self._pace = Pace(self._retries, requests_per_minute)
        self.concurrency, self._slots = concurrency, asyncio.Semaphore(concurrency)
        self._has_answered = False

    async def __aenter__(self) -> Self:
        is_local = self.base_url.split("://", 1)[1].startswith(LOCAL)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self.concurrency + 1),
            headers={"Authorization": f"Bearer {self._key}"} if self._key else None,
            timeout=aiohttp.ClientTimeout(total=self._timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=not is_local,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    def stop(self) -> None:
        """Send nothing more: what was sent comes to its end, all else is an AskError."""
        self._pace.stop()

    async def ask(self, messages: Sequence[Message], fields: Mapping[str, Any]) -> Turn:
        """Send a conversation and return the reply; `fields` join the request's body.

        Raises AskError when the retries are used up, or at once where none would help.
        """
        turn, _ = await self.ask_counting(messages, fields)
        return turn

    async def ask_counting(
        self, messages: Sequence[Message], fields: Mapping[str, Any]
    ) -> tuple[Turn, int]:
        """Do as `ask`, and return beside the reply how many requests it took."""
        request = {"model": self.model, "messages": list(map(dict, messages)), **fields}
        body = json.dumps(request).encode()
        num_requests = num_failed = 0
        async with self._slots:
            while True:
                left_at_s = await self._pace.wait()
                if self._pace.is_stopped:
                    raise AskError(NOT_SENT, num_requests)
                num_requests += 1
                try:
                    turn = await self._post(body)
                except RefusalError as refused:
                    self._check(refused.failure, fields)
                    num_failed += not refused.is_limited
                    pause_s = self._pause_s(refused, left_at_s, num_requests, num_failed)
                    if pause_s is None:
                        raise AskError(refused.failure, num_requests) from refused
                    await self._pace.pause(pause_s)
                else:
                    self._has_answered = True
                    self._pace.speed_up()
                    return turn, num_requests

    def _pause_s(
        self, refused: RefusalError, left_at_s: float, num_requests: int, num_failed: int
    ) -> float | None:
        """Return the pause before the same request is sent again; None: it is not.

        One that is limited waits for its turn alone, unless all are for long, or it always is.
        """
        if refused.is_limited:
            self._pace.hold(left_at_s, refused.told_s)
            num_limited = max(self._pace.num_holds, num_requests - num_failed)
            return 0.0 if num_limited <= self._retries.max_holds else None
        is_last = not refused.is_temporary or num_failed == self._retries.max_attempts
        return None if is_last else self._retries.pause_s(num_failed, refused.told_s)

    async def find_model(self) -> None:
        """Settle on the only model that is served, where none is named.

        Raises EndpointError where nothing answers, or where there is a choice.
        """
        served = await self.models()
        if self.model:
            return
        if not served:
            raise EndpointError(
                f"{self.base_url} tells no models: name one (--model, or model in a run.toml)"
            )
        if len(served) > 1:
            names = ", ".join(served[:10])
            raise EndpointError(
                f"{self.base_url} serves {names}: choose one (--model, or model in a run.toml)"
            )
        self.model = served[0]

    async def models(self) -> list[str]:
        """Return the ids of the models served; none where the endpoint does not tell.

        Raises EndpointError where nothing answers or the key is refused.
        """
        try:
            status, _, content = await self._exchange("GET", "/models", None)
        except RefusalError as refused:
            raise EndpointError(
                f"nothing answers at {self.base_url} ({refused}). Start a server (`make serve`, "
                "or --model FOLDER), or name another (--base-url; in a run.toml, base_url)."
            ) from refused
        if status in {401, 403}:
            self._check(self._failure(status, content), {})
        return model_ids(content) if status == 200 else []

    def _check(self, failure: Failure, fields: Mapping[str, Any]) -> None:
        """Stop the whole run where the first reply says that none will come."""
        if self._has_answered:
            return
        said = f"{failure.status}: {failure.message}"
        if "include_reasoning" in fields and "include_reasoning" in failure.message:
            raise EndpointError(
                f"the server does not show the reasoning ({said}). Start it with --reasoning "
                "visible, use a key that may see it, or leave --show-reasoning out."
            )
        if failure.status in WHOLE_RUN:
            what = repr(self.model) if self.model else "to tell its models"
            path = "" if self.base_url.endswith("/v1") else " Most base URLs end in /v1."
            raise EndpointError(
                f"{self.base_url} refuses {what}, {said}. The key comes from "
                f"REFLECT_API_KEY or OPENAI_API_KEY (in a run.toml, key_variable).{path}"
            )

    async def _post(self, body: bytes) -> Turn:
        begun_s = time.perf_counter()
        status, headers, content = await self._exchange("POST", "/chat/completions", body)
        latency_s = round(time.perf_counter() - begun_s, 6)
        if status != 200:
            raise RefusalError(self._failure(status, content), retry_after_s(headers))
        try:
            return read_turn(content, latency_s)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            said = error_message(self._without_key(content[:MAX_QUOTED]))
            raise RefusalError(Failure(f"not a chat completion: {said!r}")) from error

    async def _exchange(
        self, method: str, path: str, body: bytes | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Send one request and read its whole reply; a redirection is not followed."""
        headers = {"Content-Type": "application/json"} if body else None
        try:
            async with self._session.request(
                method, self.base_url + path, data=body, headers=headers, allow_redirects=False
            ) as response:
                return response.status, response.headers, await _content(response)
        except TimeoutError as error:
            raise RefusalError(Failure(f"no reply within {self._timeout_s:g} s")) from error
        except aiohttp.InvalidURL as error:
            raise EndpointError(f"{self.base_url} is no URL of an endpoint") from error
        except (aiohttp.ClientError, OSError) as error:
            raise RefusalError(Failure(_reason(error))) from error

    def _failure(self, status: int, content: bytes) -> Failure:
        body = self._without_key(content[:MAX_QUOTED])
        said = error_message(body)
        if 300 <= status < 400:
            said = f"a redirection, which is not followed: name its target. {said}".rstrip()
        return Failure(said or "it does not say why", status, error_code(body))

    def _without_key(self, content: bytes) -> bytes:
        """Drop the key, which some servers repeat, before anything is shortened or kept."""
        return content.replace(self._key.encode(), b"***") if self._key else content


async def _content(response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > MAX_REPLY_BYTES:
            raise RefusalError(Failure(f"a reply of more than {MAX_REPLY_BYTES} bytes", 413))
    return bytes(content)


def _reason(error: aiohttp.ClientError | OSError) -> str:
    """Say what broke without the names of machines that the library's messages carry."""
    number = getattr(getattr(error, "os_error", error), "errno", None)
    return f"{type(error).__name__}{f': {os.strerror(number)}' if number else ''}"
