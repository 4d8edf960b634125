"""POST /v1/chat/completions, streaming and not."""

from __future__ import annotations

import secrets
import time
from collections import defaultdict
from collections.abc import Sequence
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
    StreamOptions,
)
from server.protocol.logprobs import Logprobs
from server.protocol.tools import FunctionCall, ToolCall
from server.replies.answer_stream import AnswerStream
from server.replies.choice import AnswerDelta, ChoiceEnd, ToolCallDelta
from server.replies.chunks import ChunkWriter
from server.replies.generation import Generation
from server.replies.logprobs import AnswerToken, as_json
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
    answers: dict[int, list[str]] = defaultdict(list)
    reasonings: dict[int, list[str]] = defaultdict(list)
    calls: dict[int, list[ToolCallDelta]] = defaultdict(list)
    tokens: dict[int, list[AnswerToken]] = defaultdict(list)
    ends: dict[int, ChoiceEnd] = {}
    async for event in generation:
        if isinstance(event, ChoiceEnd):
            ends[event.index] = event
        elif isinstance(event, AnswerDelta):
            answers[event.index].append(event.text)
            tokens[event.index] += event.logprobs or ()
        elif isinstance(event, ToolCallDelta):
            calls[event.index].append(event)
        else:
            reasonings[event.index].append(event.text)
    choices = []
    for index in range(generation.num_choices):
        fields: dict[str, Any] = {"content": "".join(answers[index])}
        if calls[index]:
            fields = {"content": None, "tool_calls": _tool_calls(calls[index])}
        if generation.shows_reasoning:
            fields[reasoning_field] = "".join(reasonings[index])
        message = AnswerMessage(role="assistant", refusal=None, **fields)
        end = ends[index]
        hits: dict[str, Any] = {"budget_hits": end.hits} if end.hits else {}
        has_logprobs = request.logprobs and not calls[index]
        content = {"content": as_json(tokens[index]), "refusal": None}
        choices.append(
            Choice(
                index=index,
                message=message,
                logprobs=Logprobs.model_validate(content) if has_logprobs else None,
                finish_reason=end.finish_reason,
                **hits,
            )
        )
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


def _tool_calls(deltas: Sequence[ToolCallDelta]) -> list[ToolCall]:
    """Put the calls of one choice together."""
    names = [(delta.call, delta.id, delta.name) for delta in deltas if delta.name is not None]
    arguments: dict[int, list[str]] = defaultdict(list)
    for delta in deltas:
        arguments[delta.call].append(delta.arguments)
    return [
        ToolCall(
            id=id or "",
            type="function",
            function=FunctionCall(name=name, arguments="".join(arguments[call])),
        )
        for call, id, name in names
    ]
