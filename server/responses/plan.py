"""Requests to the Responses API as chat completions, and what is wrong with them back again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from server.field_names import FieldNames
from server.model import ServedModel
from server.protocol.chat import ChatCompletionRequest
from server.protocol.errors import request_error
from server.protocol.response_items import Item, chat_messages
from server.protocol.response_tools import AllowedChoice, FunctionChoice
from server.protocol.responses import Response, ResponsesRequest

NAMES = FieldNames(
    {
        r"messages(\[\d+\][\w.\[\]]*)?": "input",
        r"max_(completion_)?tokens": "max_output_tokens",
        r"response_format\.json_schema\.schema": "text.format.schema",
        r"response_format(\.json_schema)?": "text.format",
        r"reasoning_effort": "reasoning.effort",
        r"tools\[(\d+)\]\.function": r"tools[\1]",
        r"tool_choice\.function": "tool_choice",
        r"tool_choice\.allowed_tools\.tools\[(\d+)\]\.function": r"tool_choice.tools[\1]",
        r"tool_calls": "function_call",
    },
    limit="max_output_tokens",
)
SHARED = ("temperature", "top_p", "seed", "reflection", "user", "metadata", "parallel_tool_calls")


def as_chat(request: ResponsesRequest, context: Sequence[Item]) -> ChatCompletionRequest:
    """Write a request whose whole input is `context`; raise RequestError for what cannot be."""
    instructions = [] if request.instructions is None else [_instructions(request.instructions)]
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [*instructions, *chat_messages(context)],
        "max_completion_tokens": request.max_output_tokens,
        "reasoning_effort": request.reasoning and request.reasoning.effort,
        "response_format": _response_format(request),
        **_tools(request),
    }
    if request.has_logprobs:
        body |= {"logprobs": True, "top_logprobs": request.top_logprobs or 0}
    given = request.model_dump(include=set(SHARED), exclude_none=True)
    try:
        return ChatCompletionRequest.model_validate(body | given)
    except ValidationError as error:
        raise NAMES.translate(request_error(error)) from None


def _instructions(text: str) -> Item:
    return {"role": "system", "content": text}


def _response_format(request: ResponsesRequest) -> dict[str, Any] | None:
    if request.text is None or request.text.format is None:
        return None
    format = request.text.format.model_dump(by_alias=True, exclude_none=True)
    kind = format.pop("type")
    return {"type": kind} | ({kind: format} if format else {})


def _tools(request: ResponsesRequest) -> dict[str, Any]:
    tools = [tool.model_dump(exclude_none=True, exclude={"type"}) for tool in request.tools or ()]
    return {
        "tools": [{"type": "function", "function": tool} for tool in tools],
        "tool_choice": _tool_choice(request.tool_choice),
    }


def _tool_choice(choice: str | FunctionChoice | AllowedChoice | None) -> Any:
    if isinstance(choice, FunctionChoice):
        return {"type": "function", "function": {"name": choice.name}}
    if isinstance(choice, AllowedChoice):
        allowed = {"mode": choice.mode, "tools": [_tool_choice(tool) for tool in choice.tools]}
        return {"type": "allowed_tools", "allowed_tools": allowed}
    return choice


def blank_response(id: str, request: ResponsesRequest, model: ServedModel) -> Response:
    """Make the response to a request, with no output yet and the effective settings in it."""
    bundle = model.bundle
    text = request.text and request.text.format
    format = {"type": "text"} if text is None else text.model_dump(by_alias=True, exclude_none=True)
    choice = request.tool_choice or "auto"
    return Response(
        id=id,
        created_at=int(time.time()),
        status="queued" if request.background else "in_progress",
        background=bool(request.background),
        instructions=request.instructions,
        max_output_tokens=request.max_output_tokens,
        model=request.model,
        output=[],
        parallel_tool_calls=request.parallel_tool_calls is not False,
        previous_response_id=request.previous_response_id,
        prompt_cache_key=request.prompt_cache_key,
        reasoning={"effort": request.reasoning and request.reasoning.effort, "summary": None},
        safety_identifier=request.safety_identifier,
        store=request.is_stored,
        temperature=bundle.temperature if request.temperature is None else request.temperature,
        text={"format": format, "verbosity": "medium"},
        tool_choice=choice if isinstance(choice, str) else choice.model_dump(),
        tools=[tool.model_dump() for tool in request.tools or ()],
        top_logprobs=request.top_logprobs or 0,
        top_p=bundle.top_p if request.top_p is None else request.top_p,
        user=request.user,
        metadata=request.metadata or {},
    )
