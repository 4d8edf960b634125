"""A student over real HTTP that answers by what it is asked, and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Message = dict[str, Any] | web.Response


class Student:
    """Gives the n-th request for a prompt what `answer(prompt, n)` says; a text is the content."""

    def __init__(self, answer: Callable[[str, int], str | Message], model: str = "student") -> None:
        self.answer, self.model = answer, model
        self.asked: Counter[str] = Counter()
        self.requests: list[dict[str, Any]] = []

    async def chat(self, request: web.Request) -> web.Response:
        body = await request.json()
        prompt = body["messages"][-1]["content"]
        said = self.answer(prompt, self.asked[prompt])
        self.asked[prompt] += 1
        self.requests.append(body)
        if isinstance(said, web.Response):
            return said
        message = {"content": said} if isinstance(said, str) else said
        finish = message.pop("finish_reason", "stop")
        choice = {"message": {"role": "assistant", **message}, "finish_reason": finish}
        return web.json_response({"choices": [choice]})

    async def models(self, _: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": self.model}]})

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Yield the base URL."""
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self.chat)
        app.router.add_get("/v1/models", self.models)
        async with TestServer(app) as server:
            yield str(server.make_url("/v1"))
