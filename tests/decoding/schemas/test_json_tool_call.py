"""Tool calls are JSON of one form, their parameters what each tool's schema permits."""

from __future__ import annotations

from typing import Any

import pytest

from decoding.grammars.grammar import GrammarError
from decoding.schemas.json_tool_call import compile_heads, compile_tool_calls

TOOLS: list[dict[str, Any]] = [
    {"name": "get_weather", "parameters": {"properties": {"city": {"type": "string"}}}},
    {"name": "no_arguments", "parameters": {"type": "object", "additionalProperties": False}},
]
CALL = b'{"name": "get_weather", "parameters": {"city": "Rome"}}'
OTHER = b'{"name":"no_arguments","parameters":{}}'


def test_a_tool_call_names_one_tool_and_its_parameters() -> None:
    dfa = compile_tool_calls({"tools": TOOLS, "parallel": False})
    assert dfa.accepts(CALL)
    assert dfa.accepts(OTHER)
    for text in (
        b'{"name":"other","parameters":{}}',
        b'{"name":"no_arguments","parameters":{"city":"Rome"}}',
        b'{"parameters":{},"name":"no_arguments"}',
        CALL + b"; " + OTHER,
        CALL + b"\n",
        b" " + CALL,
        b"",
    ):
        assert not dfa.accepts(text)


def test_parallel_calls_are_set_apart_by_semicolons() -> None:
    dfa = compile_tool_calls({"tools": TOOLS, "parallel": True})
    assert dfa.accepts(CALL)
    assert dfa.accepts(CALL + b"; " + OTHER + b";" + CALL)
    assert not dfa.accepts(CALL + OTHER)
    assert not dfa.accepts(CALL + b";")


def test_the_first_head_may_be_lenient_and_a_newline_may_end_the_calls() -> None:
    dfa = compile_tool_calls({"tools": TOOLS, "parallel": True}, is_lenient=True)
    spread = b' \n{\t"type" : "function" ,\r\n"name"\n: "no_arguments","parameters":{}}'
    for text in (CALL, spread, CALL + b"\n", spread + b"; " + OTHER + b"\n"):
        assert dfa.accepts(text)
    for text in (CALL + b"; " + spread, CALL + b"\n\n", CALL + b"\n;" + OTHER, CALL + b" "):
        assert not dfa.accepts(text)


@pytest.mark.parametrize("is_lenient", [False, True])
def test_heads_are_the_calls_up_to_the_end_of_the_name(is_lenient: bool) -> None:
    heads = compile_heads(("get", "get_weather"), is_lenient=is_lenient)
    for text in (b'{"name":"get"', b'{"name": "get_weather"'):
        assert heads.accepts(text)
        assert heads.walk(text + b" ") == heads.num_states
    for text in (b'{"name":"get', b'{"name":"get_"', b'{"name":  "get",', b'"name":"get"'):
        assert not heads.accepts(text)
    assert heads.accepts(b'\n{ "type":"function", "name" : "get"') == is_lenient
    assert not heads.accepts(b'{"type":"other","name":"get"')


def test_parameters_are_an_object_whatever_their_schema() -> None:
    dfa = compile_tool_calls({"tools": [{"name": "f", "parameters": {}}]})
    assert dfa.accepts(b'{"name":"f","parameters":{"a":[1]}}')
    assert not dfa.accepts(b'{"name":"f","parameters":[1]}')


def test_references_of_each_tool_are_its_own() -> None:
    tools = [
        {
            "name": kind,
            "parameters": {
                "properties": {"x": {"$ref": "#/$defs/x"}},
                "required": ["x"],
                "$defs": {"x": {"type": kind}},
            },
        }
        for kind in ("integer", "string")
    ]
    dfa = compile_tool_calls({"tools": tools})
    assert dfa.accepts(b'{"name":"integer","parameters":{"x":1}}')
    assert not dfa.accepts(b'{"name":"string","parameters":{"x":1}}')


def test_a_tool_that_cannot_be_enforced_is_named() -> None:
    with pytest.raises(GrammarError, match=r"tool 'f': #/not: 'not' cannot"):
        compile_tool_calls({"tools": [{"name": "f", "parameters": {"not": {}}}]})
    with pytest.raises(GrammarError, match="different names"):
        compile_tool_calls({"tools": [*TOOLS, TOOLS[0]]})


def test_a_tool_that_is_not_strict_takes_any_object_where_its_schema_cannot_be_enforced() -> None:
    tools = [{"name": "f", "parameters": {"not": {}}, "strict": False}, TOOLS[1]]
    dfa = compile_tool_calls({"tools": tools})
    assert dfa.accepts(b'{"name":"f","parameters":{"a":1}}')
    assert not dfa.accepts(b'{"name":"no_arguments","parameters":{"a":1}}')


def test_a_tool_that_is_not_strict_is_enforced_where_it_can_be() -> None:
    schema = {"properties": {"x": {"type": "integer"}}, "required": ["x"]}
    dfa = compile_tool_calls({"tools": [{"name": "f", "parameters": schema, "strict": False}]})
    assert dfa.accepts(b'{"name":"f","parameters":{"x":1}}')
    assert not dfa.accepts(b'{"name":"f","parameters":{"x":"1"}}')


def test_schemas_that_are_too_large_together_are_any_object_where_they_are_not_strict() -> None:
    large = {"properties": {"s": {"type": "string", "minLength": 5000}}, "required": ["s"]}
    tools = [{"name": f"f{n}", "parameters": large, "strict": False} for n in range(3)]
    dfa = compile_tool_calls({"tools": tools}, 400)
    assert dfa.accepts(b'{"name":"f2","parameters":{"a":1}}')
    with pytest.raises(GrammarError, match="expected a schema of at most"):
        compile_tool_calls({"tools": [tools[0] | {"strict": True}]}, 400)
