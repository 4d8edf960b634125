"""POST /v1/chat/completions, streaming and not."""

from __future__ import annotations

import secrets
import time
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from server.admission import admit
from server.body import read_body
from server.disconnect import client_gone
from server.keys.policy import ReasoningField
from server.openapi import request_body
from server.protocol.chat import (
    AnswerMessage,
    ChatCompletion,
    ChatCompletionRequest,
    Choice,
)
from server.protocol.fields import StreamOptions
from server.protocol.logprobs import Logprobs
from server.protocol.tools import FunctionCall, ToolCall
from server.replies.answer_stream import AnswerStream
from server.replies.answered import AnswerCollector, AnsweredCall
from server.replies.choice import ChoiceEnd, ReasoningDelta
from server.replies.chunks import ChunkWriter
from server.replies.generation import Generation
from server.replies.logprobs import as_json
from server.replies.whole_answer import answer_whole
from server.service import Service

router = APIRouter()


@router.post(
    "/v1/chat/completions",
    response_model=ChatCompletion,
    openapi_extra=request_body(ChatCompletionRequest),
)
async def create_chat_completion(http: Request) -> Response:
    """Answer a conversation; only the answer leaves the server, the reasoning does not."""
    service: Service = http.app.state.service
    service.check_ready()
    settings = service.settings
    request = await read_body(http, ChatCompletionRequest, settings.max_request_bytes)
    id = f"chatcmpl-{secrets.token_hex(14)}"
    generation = await admit(http, request, id)
    if generation is None:
        return client_gone()
    if request.stream:
        options = request.stream_options or StreamOptions()
        shared = (id, int(time.time()), request, generation.fingerprint)
        field = settings.reasoning_field
        writer = ChunkWriter(*shared, may_call=generation.may_call, reasoning_field=field)
        return AnswerStream(generation, writer, settings, options)
    write = _complete(id, request, generation, settings.reasoning_field)
    return await answer_whole(http, generation, write)


async def _complete(
    id: str,
    request: ChatCompletionRequest,
    generation: Generation,
    reasoning_field: ReasoningField,
) -> Response:
    """Wait for every choice and put the answers together."""
    answers = [AnswerCollector() for _ in range(generation.num_choices)]
    reasonings: list[list[str]] = [[] for _ in answers]
    ends: dict[int, ChoiceEnd] = {}
    async for event in generation:
        answers[event.index].add(event)
        if isinstance(event, ReasoningDelta):
            reasonings[event.index].append(event.text)
        elif isinstance(event, ChoiceEnd):
            ends[event.index] = event
    choices = []
    for index, answer in enumerate(answers):
        reasoning: dict[str, Any] = {}
        if generation.shows_reasoning:
            reasoning[reasoning_field] = "".join(reasonings[index])
        has_logprobs = bool(request.logprobs)
        choices.append(_choice(answer, ends[index], reasoning, has_logprobs=has_logprobs))
    completion = ChatCompletion(
        id=id,
        object="chat.completion",
        created=int(time.time()),
        model=request.model,
        choices=choices,
        system_fingerprint=generation.fingerprint,
        **({"service_tier": "default"} if request.service_tier else {}),
        usage=generation.usage,
    )
    return Response(completion.model_dump_json(exclude_unset=True), media_type="application/json")


def _choice(
    answer: AnswerCollector, end: ChoiceEnd, reasoning: dict[str, Any], *, has_logprobs: bool
) -> Choice:
    """Write an answer that has ended."""
    said = answer.answered
    fields: dict[str, Any] = {"content": said.text}
    if said.tool_calls:
        fields = {"content": None, "tool_calls": [_call(call) for call in said.tool_calls]}
    logprobs = None
    if has_logprobs and not said.tool_calls:
        content = {"content": as_json(answer.tokens), "refusal": None}
        logprobs = Logprobs.model_validate(content)
    hits: dict[str, Any] = {"budget_hits": end.hits} if end.hits else {}
    return Choice(
        index=end.index,
        message=AnswerMessage(role="assistant", refusal=None, **fields, **reasoning),
        logprobs=logprobs,
        finish_reason=end.finish_reason,
        **hits,
    )


def _call(call: AnsweredCall) -> ToolCall:
    function = FunctionCall(name=call.name, arguments=call.arguments)
    return ToolCall(id=call.id, type="function", function=function)
