"""What the model is told of a request: its turns, its tools and its past calls."""

from __future__ import annotations

from typing import Any

from server.prompts.chat_message import ChatMessage, PastCall
from server.prompts.conversation import Conversation
from server.protocol.chat import ChatCompletionRequest

HELLO = {"role": "user", "content": "hello"}
TOOLS = [
    {"type": "function", "function": {"name": "now", "description": "Tell the time."}},
    {"type": "function", "function": {"name": "then", "strict": True, "parameters": {"x": 1}}},
]


def told(*messages: Any, **fields: Any) -> Conversation:
    body = {"model": "tiny", "messages": [*(messages or [HELLO])]} | fields
    return Conversation.of(ChatCompletionRequest.model_validate(body))


def calling(id: str, name: str) -> dict[str, Any]:
    call = {"id": id, "type": "function", "function": {"name": name, "arguments": "{}"}}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def test_developers_speak_as_the_system_does() -> None:
    messages = told({"role": "developer", "content": "Be brief."}, HELLO).messages
    assert messages == (ChatMessage("system", "Be brief."), ChatMessage("user", "hello"))


def test_tools_are_told_whole_whichever_of_them_may_be_called() -> None:
    expected: tuple[dict[str, Any], ...] = (
        {
            "name": "now",
            "description": "Tell the time.",
            "parameters": {"type": "object", "properties": {}},
        },
        {"name": "then", "parameters": {"x": 1}},
    )
    named = {"type": "function", "function": {"name": "then"}}
    for choice in (None, "auto", "required", named):
        assert told(tools=TOOLS, tool_choice=choice).tools == expected
    assert told(tools=TOOLS, tool_choice="none").tools == ()
    assert told().tools == ()


def test_a_result_knows_its_call_also_where_ids_come_again() -> None:
    result = {"role": "tool", "tool_call_id": "1", "content": "7"}
    first, second = PastCall("1", "f", "{}"), PastCall("1", "g", "{}")
    assert told(HELLO, calling("1", "f"), result, calling("1", "g"), result).messages == (
        ChatMessage("user", "hello"),
        ChatMessage("assistant", "", (first,)),
        ChatMessage("tool", "7", call=first),
        ChatMessage("assistant", "", (second,)),
        ChatMessage("tool", "7", call=second),
    )
