"""Calls are told from text and passed on piece by piece, however the answer was cut."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from decoding.answer import AnswerConstraint
from decoding.grammars.dfa import Dfa
from server.errors import EngineError
from server.replies.tool_calls import CallPiece, ToolCallParser, new_call_id

TOOLS: list[dict[str, Any]] = [{"name": "f"}, {"name": "find", "parameters": {"type": "object"}}]
CALL = '{"name":"f","parameters":{}}'
Total = tuple[str, list[tuple[str, str]]]


@pytest.fixture(scope="module")
def heads() -> Dfa:
    found = AnswerConstraint.tool_call(TOOLS, parallel=True, auto=True).call_heads
    assert found is not None
    return found


def parse(heads: Dfa, *parts: str, needs_call: bool = False) -> Total:
    """Return the text and the (name, arguments) of the calls."""
    parser = ToolCallParser(heads, needs_call=needs_call)
    pieces = [piece for part in parts for piece in parser.feed(part)]
    text, calls = "", list[tuple[str, str]]()
    for piece in (*pieces, parser.flush()):
        if isinstance(piece, str):
            text += piece
        elif piece.name is not None:
            assert (piece.call, piece.arguments) == (len(calls), "")
            assert piece.id
            calls.append((piece.name, ""))
        else:
            assert piece.call == len(calls) - 1
            calls[-1] = (calls[-1][0], calls[-1][1] + piece.arguments)
    if not parser.is_whole:
        raise EngineError("not whole")
    return text, calls


PARAMETERS: list[Any] = [
    {},
    {"a": "}"},
    {"a": '"{\\'},
    {"a": '\\"', "b": {"c": [{}, "]}"]}},
    {"é🙂": "\u2028</output><|eot_id|>", 'k"': 'x"}};'},
]
ANSWERS: list[tuple[str, Total]] = [
    ("7 apples", ("7 apples", [])),
    ('{"name": "fi', ('{"name": "fi', [])),
    ('{"name": "other", "parameters": {}}', ('{"name": "other", "parameters": {}}', [])),
    ('  {"name": x', ('  {"name": x', [])),
    ('Say: {"name": "f", "parameters": {}}', ('Say: {"name": "f", "parameters": {}}', [])),
    ('{"name":"f","parameters":{}}', ("", [("f", "{}")])),
    (
        ' \n{ "type": "function",\n"name" : "find", "parameters": {"a": 1}}\n',
        ("", [("find", '{"a": 1}')]),
    ),
    (
        f'{CALL}; {{"name": "find", "parameters": {{"b":2}}}};{CALL}',
        ("", [("f", "{}"), ("find", '{"b":2}'), ("f", "{}")]),
    ),
    *(
        (
            json.dumps({"name": "find", "parameters": value}, ensure_ascii=is_ascii),
            ("", [("find", json.dumps(value, ensure_ascii=is_ascii))]),
        )
        for value in PARAMETERS
        for is_ascii in (False, True)
    ),
]


@pytest.mark.parametrize(("answer", "expected"), ANSWERS)
def test_the_total_is_the_same_at_every_cut(answer: str, expected: Total, heads: Dfa) -> None:
    assert parse(heads, answer) == expected
    assert parse(heads, *answer) == expected
    for cut in range(len(answer) + 1):
        assert parse(heads, answer[:cut], "", answer[cut:]) == expected


@pytest.mark.parametrize(("answer", "expected"), ANSWERS[5:8])
def test_the_total_is_the_same_at_every_two_cuts(answer: str, expected: Total, heads: Dfa) -> None:
    for first, second in itertools.combinations(range(len(answer)), 2):
        assert parse(heads, answer[:first], answer[first:second], answer[second:]) == expected


@pytest.mark.parametrize("cut", range(len(f"{CALL}; {CALL}")))
def test_calls_that_are_required_need_no_lenient_heads(cut: int) -> None:
    heads = AnswerConstraint.tool_call(TOOLS, parallel=True).call_heads
    assert heads is not None
    answer = f"{CALL}; {CALL}"
    total = parse(heads, answer[:cut], answer[cut:], needs_call=True)
    assert total == ("", [("f", "{}")] * 2)


def test_text_is_held_back_only_while_it_may_become_a_call(heads: Dfa) -> None:
    parser = ToolCallParser(heads)
    assert [parser.feed(part) for part in (" ", '{"na', 'me": "', "g", "o")] == [
        [],
        [],
        [],
        [' {"name": "g'],
        ["o"],
    ]


def test_a_call_begins_when_its_name_is_whole_and_its_arguments_follow_as_they_come(
    heads: Dfa,
) -> None:
    parser = ToolCallParser(heads, new_id=lambda: "call_7")
    parts = ['{"name": "fin', 'd"', ', "parameters": ', '{"a": ', "1}", "}"]
    assert [parser.feed(part) for part in parts] == [
        [],
        [CallPiece(0, id="call_7", name="find")],
        [],
        [CallPiece(0, '{"a": ')],
        [CallPiece(0, "1}")],
        [],
    ]
    assert parser.num_calls == 1
    assert parser.is_whole


@pytest.mark.parametrize(
    "answer",
    [
        '{"name": "f"',
        '{"name": "f"}',
        '{"name": "f", "arguments": {}}',
        '{"name": "f", "parameters": {}',
        '{"name": "f", "parameters": {}, "x": 1}',
        '{"name": "f", "parameters": {}};',
        '{"name": "f", "parameters": {}}; and so on',
        '{"name": "f", "parameters": {}} and so on',
        '{"name": "f", "parameters": {}}{"name": "f", "parameters": {}}',
    ],
)
def test_what_begins_as_a_call_and_is_none_is_an_error_at_every_cut(
    answer: str, heads: Dfa
) -> None:
    for cut in range(len(answer)):
        with pytest.raises(EngineError):
            parse(heads, answer[:cut], answer[cut:])


@pytest.mark.parametrize("answer", ["7 apples", '{"name": "fi', ""])
def test_text_is_an_error_where_a_call_is_needed(answer: str, heads: Dfa) -> None:
    with pytest.raises(EngineError):
        parse(heads, answer, needs_call=True)


def test_ids_are_unlike_each_other() -> None:
    ids = {new_call_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(id.startswith("call_") for id in ids)
