"""Past calls are read as JSON where they are JSON, and set apart where a template asks for it."""

from __future__ import annotations

import pytest

from server.prompts.chat_message import MAX_DEPTH, ChatMessage, PastCall, one_call_a_turn


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("{}", {}),
        ('{"a": [1, 2.5, "x", null]}', {"a": [1, 2.5, "x", None]}),
        ("", None),
        ("[]", None),
        ('"a"', None),
        ("{", None),
        ('{"a": NaN}', None),
        ('{"a": 1e999}', None),
        ('{"a": ' + "9" * 5000 + "}", None),
        ('{"a":' + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1) + "}", ...),
        ('{"a":' + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1) + "}", None),
        ('{"a":' * 100_000, None),
    ],
)
def test_arguments_are_an_object_or_only_text(arguments: str, expected: object) -> None:
    read = PastCall("1", "f", arguments).read_arguments()
    assert isinstance(read, dict) if expected is ... else read == expected


def test_each_of_several_calls_gets_a_turn_of_its_own_with_its_result() -> None:
    a, b = PastCall("1", "f", "{}"), PastCall("2", "g", "{}")
    hello = ChatMessage("user", "hello")
    of_a, of_b = ChatMessage("tool", "7", call=a), ChatMessage("tool", "8", call=b)
    asked = ChatMessage("assistant", "Let me see.", (a, b))
    single = ChatMessage("assistant", "", (a,))
    assert one_call_a_turn([hello, asked, of_b, of_a, single, of_a, hello]) == [
        hello,
        ChatMessage("assistant", "Let me see.", (a,)),
        of_a,
        ChatMessage("assistant", "", (b,)),
        of_b,
        single,
        of_a,
        hello,
    ]
