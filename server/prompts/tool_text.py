"""Tools in plain text, for models whose chat template knows nothing of them.

The form of calls and results is our own, that of the calls the one that answers are held to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from server.prompts.chat_message import ChatMessage, PastCall

HOW_TO_CALL = (
    "You can call functions. To call one, answer with nothing but JSON of the form "
    '{"name": "<function>", "parameters": {"<parameter>": <value>}}; to call several, write one '
    "such object after the other, with a semicolon between. The functions, one a line:"
)


def in_plain_text(
    messages: Sequence[ChatMessage], tools: Sequence[Mapping[str, Any]]
) -> list[ChatMessage]:
    """Return the conversation in turns of text: tools in the system's, results in a user's."""
    turns: list[ChatMessage] = []
    for is_result, group in groupby(messages, lambda message: message.role == "tool"):
        if is_result:
            turns.append(ChatMessage("user", "\n".join(map(_result, group))))
        else:
            turns += [ChatMessage(message.role, _said(message)) for message in group]
    return _with_tools(turns, tools) if tools else turns


def _with_tools(turns: list[ChatMessage], tools: Sequence[Mapping[str, Any]]) -> list[ChatMessage]:
    lines = [HOW_TO_CALL, *(json.dumps(tool, ensure_ascii=False) for tool in tools)]
    has_system = bool(turns) and turns[0].role == "system"
    first = f"{turns[0].text}\n\n" if has_system else ""
    return [ChatMessage("system", first + "\n".join(lines)), *turns[has_system:]]


def _said(message: ChatMessage) -> str:
    calls = "; ".join(map(_call, message.calls))
    return "\n".join(part for part in (message.text, calls) if part) if calls else message.text


def _call(call: PastCall) -> str:
    is_object = call.read_arguments() is not None
    parameters = call.arguments if is_object else json.dumps(call.arguments, ensure_ascii=False)
    return f'{{"name": {json.dumps(call.name)}, "parameters": {parameters}}}'


def _result(message: ChatMessage) -> str:
    name = "" if message.call is None else f" of {message.call.name}"
    return f"Result{name}: {message.text}"
