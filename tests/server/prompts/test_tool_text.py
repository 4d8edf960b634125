"""A model whose template knows no tools is told of them in plain text."""

from __future__ import annotations

import json

from server.prompts.chat_message import ChatMessage, PastCall
from server.prompts.tool_text import HOW_TO_CALL, in_plain_text

TOOLS = [{"name": "f", "parameters": {}}, {"name": "é", "description": "a\nb", "parameters": {}}]
LINES = "\n".join([HOW_TO_CALL, *(json.dumps(tool, ensure_ascii=False) for tool in TOOLS)])
HELLO = ChatMessage("user", "hello")


def test_tools_follow_the_system_s_message_or_make_one() -> None:
    assert in_plain_text([HELLO], TOOLS) == [ChatMessage("system", LINES), HELLO]
    system = ChatMessage("system", "Be brief.")
    both = ChatMessage("system", f"Be brief.\n\n{LINES}")
    assert in_plain_text([system, HELLO], TOOLS) == [both, HELLO]


def test_calls_are_written_as_answers_are_and_results_stand_in_one_turn_of_the_user_s() -> None:
    a, b = PastCall("1", "f", '{"x":1}'), PastCall("2", "g", "rubbish")
    turns = [
        HELLO,
        ChatMessage("assistant", "So:", (a, b)),
        ChatMessage("tool", "7", call=a),
        ChatMessage("tool", "8", call=b),
    ]
    assert in_plain_text(turns, ()) == [
        HELLO,
        ChatMessage(
            "assistant",
            'So:\n{"name": "f", "parameters": {"x":1}}; {"name": "g", "parameters": "rubbish"}',
        ),
        ChatMessage("user", "Result of f: 7\nResult of g: 8"),
    ]


def test_a_conversation_without_tools_is_left_as_it_is() -> None:
    turns = [ChatMessage("system", "Be brief."), HELLO, ChatMessage("assistant", "")]
    assert in_plain_text(turns, ()) == turns
