"""Requests to the Messages API as chat completions, and what is wrong with them back again."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from server.field_names import FieldNames
from server.protocol.anthropic import (
    CountTokensRequest,
    MessagesRequest,
    TextBlock,
    ToolResultBlock,
    ToolUseBlock,
    Turn,
)
from server.protocol.chat import ChatCompletionRequest
from server.protocol.errors import request_error

NAMES = FieldNames(
    {
        r"messages\[\d+\][\w.\[\]]*": "messages",
        r"max_(completion_)?tokens": "max_tokens",
        r"stop": "stop_sequences",
        r"tools\[(\d+)\]\.function\.parameters": r"tools[\1].input_schema",
        r"tools\[(\d+)\]\.function": r"tools[\1]",
        r"tool_choice\.function": "tool_choice",
        r"reflection\.max_thinking_tokens": "thinking.budget_tokens",
        r"tool_calls": "tool_use",
    },
    limit="max_tokens",
)
CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def as_chat(request: CountTokensRequest) -> ChatCompletionRequest:
    """Write a request; raise RequestError for what cannot be."""
    system = [] if not request.system else [{"role": "system", "content": _text(request.system)}]
    turns = [message for turn in request.messages for message in _messages(turn)]
    body: dict[str, Any] = {"model": request.model, "messages": [*system, *turns]}
    body |= _tools(request) | _thinking(request)
    if isinstance(request, MessagesRequest):
        body |= _sampling(request, body.get("reflection", {}))
    try:
        return ChatCompletionRequest.model_validate(body)
    except ValidationError as error:
        raise NAMES.translate(request_error(error)) from None


def _sampling(request: MessagesRequest, thinking: dict[str, Any]) -> dict[str, Any]:
    given = {"temperature", "top_p", "seed"}
    reflection = request.reflection and request.reflection.model_dump(exclude_none=True)
    return {
        **request.model_dump(include=given),
        "max_completion_tokens": request.max_tokens,
        "stop": request.stop_sequences or None,
        "reflection": {**thinking, **(reflection or {})} or None,
    }


def _thinking(request: CountTokensRequest) -> dict[str, Any]:
    if request.thinking is None:
        return {}
    if request.thinking.type == "disabled":
        return {"reasoning_effort": "none"}
    tokens = request.thinking.budget_tokens
    return {} if tokens is None else {"reflection": {"max_thinking_tokens": tokens}}


def _tools(request: CountTokensRequest) -> dict[str, Any]:
    body: dict[str, Any] = {"tools": [_tool(tool.model_dump()) for tool in request.tools or ()]}
    choice = request.tool_choice
    if choice is None:
        return body
    named = {"type": "function", "function": {"name": choice.name}}
    body["tool_choice"] = CHOICES.get(choice.type, named)
    if choice.disable_parallel_tool_use:
        body["parallel_tool_calls"] = False
    return body


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    function = {name: tool[name] for name in ("name", "description", "strict") if tool[name]}
    return {"type": "function", "function": function | {"parameters": tool["input_schema"]}}


def _messages(turn: Turn) -> list[dict[str, Any]]:
    """Write a turn as messages: results of tools first, each on its own, then what is said."""
    messages: list[dict[str, Any]] = []
    for block in turn.content:
        if isinstance(block, ToolResultBlock):
            text = _text(block.content or [])
            result = {"role": "tool", "tool_call_id": block.tool_use_id, "content": text}
            messages.append(result)
    said = [block for block in turn.content if isinstance(block, TextBlock)]
    calls = [_call(block) for block in turn.content if isinstance(block, ToolUseBlock)]
    if said or calls or not messages:
        content = _text(said) if said or not calls else None
        message: dict[str, Any] = {"role": turn.role, "content": content}
        messages.append(message | ({"tool_calls": calls} if calls else {}))
    return messages


def _call(block: ToolUseBlock) -> dict[str, Any]:
    function = {"name": block.name, "arguments": json.dumps(block.input)}
    return {"id": block.id, "type": "function", "function": function}


def _text(blocks: list[TextBlock]) -> list[dict[str, str]]:
    return [{"type": "text", "text": block.text} for block in blocks]
