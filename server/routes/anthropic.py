"""POST /v1/messages and /v1/messages/count_tokens: Anthropic's API over the same generations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from server.admission import admit
from server.anthropic.plan import NAMES, as_chat
from server.anthropic.writer import AnthropicWriter
from server.body import read_body
from server.disconnect import client_gone
from server.errors import ServerError
from server.openapi import request_body
from server.plan import check_request, make_plan
from server.protocol.anthropic import (
    AnthropicMessage,
    CountTokensRequest,
    MessagesRequest,
    TokensCount,
)
from server.protocol.response_items import new_id
from server.records.metrics import Outcome
from server.replies.event_stream import encode
from server.replies.generation import Generation
from server.replies.generation_stream import GenerationStream
from server.replies.whole_answer import answer_whole
from server.service import Service
from server.settings import Settings

router = APIRouter()


@router.post(
    "/v1/messages", response_model=AnthropicMessage, openapi_extra=request_body(MessagesRequest)
)
async def create_message(http: Request) -> Response:
    """Answer a conversation; the thinking is not shown."""
    service: Service = http.app.state.service
    service.check_ready()
    request = await read_body(http, MessagesRequest, service.settings.max_request_bytes)
    id = new_id("msg")
    with NAMES.translated():
        generation = await admit(http, as_chat(request), id)
    if generation is None:
        return client_gone()
    writer = AnthropicWriter(id, request.model)
    if request.stream:
        return MessageStream(generation, writer, service.settings)
    return await answer_whole(http, generation, _complete(generation, writer))


async def _complete(generation: Generation, writer: AnthropicWriter) -> Response:
    async for event in generation:
        for _ in writer.write(event):
            pass
    return JSONResponse(writer.message(generation.usage))


class MessageStream(GenerationStream):
    """A message as it is written; a client that leaves ends it."""

    def __init__(self, generation: Generation, writer: AnthropicWriter, settings: Settings) -> None:
        """Prepare the stream; nothing is asked of the engine yet."""
        super().__init__(generation, self._write(generation, writer), settings)

    async def _write(
        self, generation: Generation, writer: AnthropicWriter
    ) -> AsyncGenerator[bytes, None]:
        for event in writer.begin(generation.usage):
            yield encode(event)
        try:
            async for one in generation:
                for event in writer.write(one):
                    yield encode(event)
        except ServerError as error:
            self.outcome = Outcome.FAILED
            yield encode(writer.fail(error))
            return
        for event in writer.end(generation.usage):
            yield encode(event)
        self.outcome = Outcome.OK


@router.post("/v1/messages/count_tokens", openapi_extra=request_body(CountTokensRequest))
async def count_tokens(http: Request) -> TokensCount:
    """Count the tokens of a prompt, tools and template included; nothing is generated."""
    service: Service = http.app.state.service
    body = await read_body(http, CountTokensRequest, service.settings.max_request_bytes)
    caller = http.state.caller
    with NAMES.translated():
        request = as_chat(body)
        model = service.find_model(request.model)
        check_request(request, model, service.settings, caller.policy)
        arguments = (request, model, service.engine.max_model_len, caller.policy)
        plan = await asyncio.to_thread(make_plan, *arguments)
    return TokensCount(input_tokens=len(plan.prompt_token_ids))
