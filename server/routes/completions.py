"""POST /v1/completions, streaming and not: prompts without a conversation, one or several."""

from __future__ import annotations

import secrets
import time
from contextlib import AsyncExitStack
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from server.admission import admit
from server.body import read_body
from server.completions.batch import Batch
from server.completions.completions import NAMES, CompletionWriter, as_chat, read_prompts
from server.completions.stream import CompletionStream
from server.disconnect import client_gone, unless_gone
from server.errors import Forbidden, RequestError
from server.openapi import request_body
from server.protocol.completions import Completion, CompletionRequest
from server.protocol.fields import StreamOptions
from server.replies.whole_answer import answer_whole
from server.service import Service

MAX_REPLIES = 64

router = APIRouter()


@router.post(
    "/v1/completions", response_model=Completion, openapi_extra=request_body(CompletionRequest)
)
async def create_completion(http: Request) -> Response:
    """Answer prompts, each as what a user says; only the answers leave the server."""
    service: Service = http.app.state.service
    service.check_ready()
    request = await read_body(http, CompletionRequest, service.settings.max_request_bytes)
    if len(request.prompt) * (request.n or 1) > MAX_REPLIES:
        raise RequestError(
            f"A request may ask for at most {MAX_REPLIES} replies: 'n' for each prompt.",
            param="n" if (request.n or 1) > 1 else "prompt",
        )
    most = http.state.caller.policy.max_parallel
    if most is not None and len(request.prompt) > most:
        raise Forbidden(
            f"'prompt' may be at most {most} prompts with this API key, as each is answered as a "
            "request of its own.",
            param="prompt",
        )
    service.rates.take_prompts(http.state.caller, len(request.prompt))
    prompts = read_prompts(request, service.model)
    id = f"cmpl-{secrets.token_hex(14)}"
    batch = await _admit(http, request, prompts, id)
    if batch is None:
        return client_gone()
    head = {
        "id": id,
        "object": "text_completion",
        "created": int(time.time()),
        "model": request.model,
        "system_fingerprint": batch.fingerprint,
    }
    writer = CompletionWriter(request, prompts)
    if request.stream:
        options = request.stream_options or StreamOptions()
        return CompletionStream(batch, writer, head, service.settings, options)
    return await answer_whole(http, batch, _complete(batch, writer, head))


async def _admit(
    http: Request, request: CompletionRequest, prompts: list[str], id: str
) -> Batch | None:
    """Begin the prompts' generations, all with the same weights; each counts as a request."""
    service: Service = http.app.state.service
    leave = await unless_gone(http.receive, service.gate.enter())
    if leave is None:
        return None
    async with AsyncExitStack() as stack:
        batch = await stack.enter_async_context(Batch())
        stack.callback(leave)
        for number, prompt in enumerate(prompts):
            with NAMES.translated():
                chat = as_chat(request, prompt)
                generation = await admit(http, chat, f"{id}-{number}", is_inside=True)
            if generation is None:
                return None
            await batch.add(generation)
        stack.pop_all()
        leave()
        return batch


async def _complete(batch: Batch, writer: CompletionWriter, head: dict[str, Any]) -> Response:
    pieces = [*writer.begin(), *[writer.write(event) async for event in batch]]
    completion = Completion(**head, choices=writer.join(pieces), usage=batch.usage)
    return Response(completion.model_dump_json(exclude_unset=True), media_type="application/json")
