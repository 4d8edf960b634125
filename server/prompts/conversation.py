"""Conversation: what a request says to the model, whatever form its template will give it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from server.prompts.chat_message import ChatMessage, PastCall
from server.protocol.chat import ChatCompletionRequest
from server.protocol.messages import Message
from server.protocol.tools import FunctionDefinition

ROLES = {"developer": "system"}
NO_PARAMETERS = {"type": "object", "properties": {}}


@dataclass(frozen=True, slots=True)
class Conversation:
    """The messages, and the tools that the model is told of: none where it may call none."""

    messages: tuple[ChatMessage, ...]
    tools: tuple[dict[str, Any], ...] = ()

    @classmethod
    def of(cls, request: ChatCompletionRequest) -> Self:
        """Read a request; it was checked that results answer calls.

        All tools are named even where the choice leaves only some of them.
        """
        calls: dict[str, PastCall] = {}
        messages = tuple(_message(message, calls) for message in request.messages)
        tools = () if request.tool_use is None else request.tools or ()
        return cls(messages, tuple(_definition(tool.function) for tool in tools))


def _definition(function: FunctionDefinition) -> dict[str, Any]:
    described = {} if function.description is None else {"description": function.description}
    parameters = NO_PARAMETERS if function.parameters is None else function.parameters
    return {"name": function.name, **described, "parameters": parameters}


def _message(message: Message, calls: dict[str, PastCall]) -> ChatMessage:
    """Make a turn of a message; `calls` are the last ones, by id."""
    if message.role == "tool":
        return ChatMessage("tool", message.text, call=calls[message.tool_call_id])
    if message.role != "assistant" or not message.tool_calls:
        return ChatMessage(ROLES.get(message.role, message.role), message.text)
    calls.clear()
    for call in message.tool_calls:
        calls[call.id] = PastCall(call.id, call.function.name, call.function.arguments)
    return ChatMessage("assistant", message.text, tuple(calls.values()))
