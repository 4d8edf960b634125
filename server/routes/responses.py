"""POST /v1/responses: streaming, not streaming, and in the background."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from functools import partial

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from fastapi.responses import Response as HttpResponse

from server.admission import admit
from server.body import read_body
from server.disconnect import client_gone
from server.errors import RequestError
from server.keys.policy import Caller
from server.openapi import request_body
from server.protocol.response_items import Item, ReasoningItem, new_id
from server.protocol.responses import Response, ResponsesRequest
from server.replies.generation import Generation
from server.replies.whole_answer import answer_whole
from server.responses.plan import NAMES, as_chat, blank_response
from server.responses.responses import Responses
from server.responses.run import ResponseRun
from server.responses.sealing import Seal
from server.responses.stream import FollowedStream, ResponseStream
from server.responses.writer import ResponseWriter
from server.service import Service

CONTINUABLE = ("completed", "incomplete")

router = APIRouter()


@router.post("/v1/responses", response_model=Response, openapi_extra=request_body(ResponsesRequest))
async def create_response(http: Request) -> HttpResponse:
    """Answer a conversation; the reasoning is an item without text."""
    service: Service = http.app.state.service
    service.check_ready()
    request = await read_body(http, ResponsesRequest, service.settings.max_request_bytes)
    responses: Responses = http.app.state.responses
    if request.background:
        return await _begin(http, request, responses)
    run = await _admit(http, request, responses)
    if run is None:
        return client_gone()
    if request.stream:
        return ResponseStream(run, service.settings)
    return await answer_whole(http, run.generation, _complete(run))


async def _admit(
    http: Request, request: ResponsesRequest, responses: Responses
) -> ResponseRun | None:
    """Check a request against what it builds on; None where the client has left."""
    service: Service = http.app.state.service
    caller: Caller = http.state.caller
    id = new_id("resp")
    for item in request.input:
        if isinstance(item, ReasoningItem) and item.encrypted_content is not None:
            responses.seal.check(caller.key_id, item.id, item.encrypted_content)
    before = await _before(request, responses, caller.key_id)
    context = [*before, *[item.kept() for item in request.input]]
    with NAMES.translated():
        generation = await admit(http, as_chat(request, context), id)
    if generation is None:
        return None
    writer = ResponseWriter(
        blank_response(id, request, service.model),
        has_reasoning=generation.thinks,
        seal=partial(_seal, responses.seal, caller, generation) if request.is_sealed else None,
    )
    store = responses.store if request.is_stored else None
    return ResponseRun(generation, writer, store, caller.key_id, context)


def _seal(seal: Seal, caller: Caller, generation: Generation, item_id: str) -> str:
    num_tokens = generation.usage.completion_tokens_details.reasoning_tokens
    return seal.seal(caller.key_id, item_id, num_tokens)


async def _before(request: ResponsesRequest, responses: Responses, key_id: str) -> list[Item]:
    """Return the whole conversation that a request goes on from."""
    previous = request.previous_response_id
    if previous is None:
        return []
    stored = await asyncio.to_thread(responses.store.find, key_id, previous)
    if stored is None:
        raise RequestError(
            "There is no stored response of this API key with the id that is named in "
            "'previous_response_id'.",
            param="previous_response_id",
            code="previous_response_not_found",
        )
    if stored.response["status"] not in CONTINUABLE:
        raise RequestError(
            f"The response that is named in 'previous_response_id' is "
            f"{stored.response['status']}: only an answer can be gone on from.",
            param="previous_response_id",
        )
    return [*stored.context, *stored.response["output"]]


async def _begin(http: Request, request: ResponsesRequest, responses: Responses) -> HttpResponse:
    """Begin a response that goes on without its client."""
    caller: Caller = http.state.caller
    with ExitStack() as stack:
        leave = responses.background.enter(caller.key_id if caller.has_key else None)
        stack.callback(leave)
        run = await _admit(http, request, responses)
        if run is None:
            return client_gone()
        try:
            await run.keep_unfinished()
        except BaseException:
            run.generation.abandon()
            raise
        going_on = responses.background.begin(run, leave)
        stack.pop_all()
    if request.stream:
        return FollowedStream(going_on.follow(-1), http.app.state.service.settings)
    return JSONResponse(run.response)


async def _complete(run: ResponseRun) -> HttpResponse:
    async for _ in run.events():
        pass
    if run.failure is not None:
        raise run.failure
    return JSONResponse(run.response)
