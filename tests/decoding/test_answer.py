"""What clients and outlines' users ask for, in one form."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, Optional

import pytest
from pydantic import BaseModel
from typing_extensions import TypedDict

from decoding.answer import MAX_CHOICES, AnswerConstraint
from decoding.grammars.grammar import GrammarError
from decoding.schemas.json_source import MAX_CHARACTERS

WEATHER = {
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


class City(BaseModel):
    name: str
    people: int


@dataclass
class Point:
    x: float
    y: float


class Named(TypedDict):
    name: str


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(Enum):
    LOW = 1
    HIGH = 2


def schema(value: Any) -> Any:
    constraint = AnswerConstraint.of(value)
    assert constraint.kind == "json_schema"
    return json.loads(constraint.source)


CALL: dict[str, Any] = {"tools": [WEATHER], "parallel": False}


def outlines_term(name: str, **fields: Any) -> Any:
    """An object of the shape that outlines gives its terms."""
    return type(name, (), {"__module__": "outlines.types.dsl", **fields})()


CONSTRAINTS = [
    AnswerConstraint.json_schema({"type": "object", "properties": {"b": True, "a": False}}),
    AnswerConstraint.json_schema(True),
    AnswerConstraint.regex(r"\d+é"),
    AnswerConstraint.choice(["yes", "no", "ça"]),
    AnswerConstraint.json_object(),
    AnswerConstraint.tool_call([WEATHER], parallel=True),
    AnswerConstraint.tool_call([WEATHER], auto=True),
    AnswerConstraint.tool_call([WEATHER], auto=True, text=AnswerConstraint.regex("a+")),
    AnswerConstraint.tool_call([{**WEATHER, "strict": False}]),
]


@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_a_constraint_survives_the_way_to_the_engine(constraint: AnswerConstraint) -> None:
    sent = json.loads(json.dumps(constraint.to_dict()))
    assert AnswerConstraint.from_dict(sent) == constraint
    assert json.loads(constraint.to_text()) == constraint.to_dict()
    assert AnswerConstraint.from_text(constraint.to_text()) == constraint
    assert AnswerConstraint.of(constraint) is constraint


def test_the_json_forms_are_those_of_the_wire() -> None:
    assert [next(iter(constraint.to_dict())) for constraint in CONSTRAINTS] == [
        "json_schema",
        "json_schema",
        "regex",
        "choice",
        "json_object",
        *["tool_call"] * 4,
    ]


def test_digests_tell_all_constraints_apart_and_are_hashes_of_kind_and_source() -> None:
    assert len({constraint.digest for constraint in CONSTRAINTS}) == len(CONSTRAINTS)
    expected = hashlib.sha256(b'regex\n"a"').hexdigest()
    assert AnswerConstraint.regex("a").digest == expected
    assert AnswerConstraint.regex("true").digest != AnswerConstraint.choice(["true"]).digest


def test_the_order_of_keys_is_part_of_a_schema() -> None:
    one = AnswerConstraint.json_schema({"properties": {"a": {}, "b": {}}})
    other = AnswerConstraint.json_schema({"properties": {"b": {}, "a": {}}})
    assert one != other
    assert one == AnswerConstraint.json_schema('{"properties": {"a": {}, "b": {}}}')


def test_a_regex_compiles_to_its_whole_texts() -> None:
    dfa = AnswerConstraint.regex(r"[a-c]{2,3}").compile()
    assert dfa.accepts(b"abc")
    assert not dfa.accepts(b"abcd")
    with pytest.raises(GrammarError, match="position 3"):
        AnswerConstraint.regex("a(?=b)").compile()


def test_choices_compile_to_exactly_them_and_count_once() -> None:
    constraint = AnswerConstraint.choice(["yes", "no", "yes", "nö"])
    assert constraint.source == AnswerConstraint.choice(["yes", "no", "nö"]).source
    dfa = constraint.compile()
    assert [text for text in ["yes", "no", "nö", "y", "yesno"] if dfa.accepts(text.encode())] == [
        "yes",
        "no",
        "nö",
    ]


def test_schemas_objects_and_tool_calls_compile_to_json() -> None:
    city = AnswerConstraint.of(City).compile()
    assert city.accepts(b'{"name": "Rome", "people": 3}')
    assert not city.accepts(b'{"people": 3, "name": "Rome"}')
    assert AnswerConstraint.of(Level).compile().accepts(b"2")
    assert AnswerConstraint.json_object().compile().accepts(b'{"a": [1, {}]}')
    call = AnswerConstraint.tool_call([WEATHER]).compile()
    assert call.accepts(b'{"name": "get_weather", "parameters": {"city": "Rome"}}')
    assert not call.accepts(b'{"name": "get_time", "parameters": {}}')


def test_an_automaton_over_the_limit_of_states_is_refused() -> None:
    with pytest.raises(GrammarError, match="at most 10 states"):
        AnswerConstraint.regex("a{20}").compile(max_states=10)


def test_types_are_read_as_their_schemas() -> None:
    assert [schema(type_) for type_ in (int, float, bool, str)] == [
        {"type": "integer"},
        {"type": "number"},
        {"type": "boolean"},
        {"type": "string"},
    ]
    assert list(schema(City)["properties"]) == ["name", "people"]
    assert schema(Point)["required"] == ["x", "y"]
    assert schema(Named)["required"] == ["name"]
    assert schema(list[int]) == {"type": "array", "items": {"type": "integer"}}
    assert schema(Optional[int])["anyOf"] == [{"type": "integer"}, {"type": "null"}]  # noqa: UP045
    assert AnswerConstraint.json_schema(City) == AnswerConstraint.of(City)
    assert AnswerConstraint.of(dict) == AnswerConstraint.json_object()
    assert AnswerConstraint.of({"type": "null"}) == AnswerConstraint.json_schema({"type": "null"})


def test_literals_and_enums_of_strings_are_choices_and_of_others_json() -> None:
    assert AnswerConstraint.of(Literal["a", "b"]) == AnswerConstraint.choice(["a", "b"])
    assert AnswerConstraint.of(Colour) == AnswerConstraint.choice(["red", "blue"])
    assert AnswerConstraint.of(Literal[Colour.RED]) == AnswerConstraint.choice(["red"])
    assert schema(Level) == {"enum": [1, 2]}
    assert schema(Literal[1, "a", None]) == {"enum": [1, "a", None]}


def test_terms_of_the_shape_of_outlines_are_read() -> None:
    text = '{"type": "integer"}'
    of = AnswerConstraint.of
    assert of(outlines_term("Regex", pattern="a+")) == AnswerConstraint.regex("a+")
    assert of(outlines_term("Choice", items=["a", "b"])) == AnswerConstraint.choice(["a", "b"])
    given = outlines_term("JsonSchema", schema=text, whitespace_pattern=None)
    assert of(given) == AnswerConstraint.json_schema(text)
    with pytest.raises(GrammarError, match="context-free"):
        of(outlines_term("CFG", definition="start: A"))
    with pytest.raises(GrammarError, match="whitespace_pattern"):
        of(outlines_term("JsonSchema", schema=text, whitespace_pattern=r"\s*"))


def test_the_terms_of_outlines_are_read() -> None:
    outlines = pytest.importorskip("outlines")
    types = outlines.types
    of = AnswerConstraint.of
    assert of(types.JsonSchema(City)) == of(City)
    assert of(types.Choice(["a", "b"])) == AnswerConstraint.choice(["a", "b"])
    assert of(types.integer).compile().accepts(b"-12")
    assert of(types.date).compile().accepts(b"2024-02-29")
    assert of("a" + types.Regex("[0-9]").exactly(2)).compile().accepts(b"a12")


@pytest.mark.parametrize("value", ["a+", "__import__('os')", ["a", "b"], 5, None, object()])
def test_values_that_are_neither_type_nor_schema_are_refused_or_null(value: Any) -> None:
    if value is None:
        assert schema(value) == {"type": "null"}
        return
    with pytest.raises(GrammarError, match=r"regex or \.choice"):
        AnswerConstraint.of(value)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({}, "expected one of"),
        ({"regex": "a", "choice": ["a"]}, "expected one of"),
        ({"grammar": "a"}, "expected one of"),
        ({1: 2}, "came 1"),
        ({"regex": 5}, "string"),
        ({"choice": "ab"}, "expected one of"),
        ({"choice": []}, "1 to 10,000"),
        ({"choice": ["a", ""]}, "choice 1"),
        ({"choice": ["a", 1]}, "choice 1"),
        ({"choice": ["\ud800"]}, "surrogate"),
        ({"json_object": False}, "expected one of"),
        ({"json_object": 1}, "expected one of"),
        ({"json_schema": 5}, "int"),
        ({"json_schema": "{"}, "in JSON"),
        ({"json_schema": "[" * 100_000}, "in JSON"),
        ({"json_schema": {"const": float("nan")}}, "as JSON"),
        ({"tool_call": {"tools": []}}, "expected one of"),
        ({"tool_call": {"tools": [], "parallel": False}}, "at least one"),
        ({"tool_call": {"tools": [{"name": ""}], "parallel": False}}, "tool 0"),
        ({"tool_call": {"tools": [WEATHER, 5], "parallel": False}}, "tool 1"),
        ({"tool_call": {"tools": [WEATHER], "parallel": False, "auto": 1}}, "expected one of"),
        ({"tool_call": {"tools": [WEATHER], "parallel": False, "x": 1}}, "expected one of"),
        ({"tool_call": CALL | {"text": {"regex": "a"}}}, "only where there may be text"),
        ({"tool_call": CALL | {"auto": True, "text": {"tool_call": CALL}}}, "instead of tool"),
        ({"tool_call": CALL | {"auto": True, "text": []}}, "instead of tool"),
    ],
)
def test_what_a_client_sends_wrong_is_refused_with_the_reason(
    data: dict[str, Any], reason: str
) -> None:
    with pytest.raises(GrammarError, match=reason):
        AnswerConstraint.from_dict(data)


@pytest.mark.parametrize("text", ["", "[", "[]", '"regex"', "{}", "[" * 100_000, " " * 2_000_000])
def test_a_text_that_holds_no_constraint_is_refused(text: str) -> None:
    with pytest.raises(GrammarError, match="expected"):
        AnswerConstraint.from_text(text)


def test_the_largest_constraint_survives_as_a_text() -> None:
    large = AnswerConstraint.regex("a" * (MAX_CHARACTERS - 2))
    assert AnswerConstraint.from_text(large.to_text()) == large


def test_a_schema_nested_without_end_is_refused() -> None:
    endless: dict[str, Any] = {}
    endless["not"] = endless
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"not": deep}
    for refused in (endless, deep):
        with pytest.raises(GrammarError, match="as JSON"):
            AnswerConstraint.json_schema(refused)


def test_constraints_over_the_limits_of_size_are_refused() -> None:
    with pytest.raises(GrammarError, match="1,000,000"):
        AnswerConstraint.json_schema({"const": "a" * MAX_CHARACTERS})
    with pytest.raises(GrammarError, match="1,000,000"):
        AnswerConstraint.json_schema("[" * 5_000_000)
    with pytest.raises(GrammarError, match="10,001"):
        AnswerConstraint.choice([str(number) for number in range(MAX_CHOICES + 1)])


def test_a_tool_without_parameters_takes_none_and_openais_form_is_read() -> None:
    plain = AnswerConstraint.tool_call([WEATHER, {"name": "now"}])
    wrapped: list[dict[str, Any]] = [
        {"type": "function", "function": WEATHER},
        {"function": {"name": "now"}},
    ]
    assert AnswerConstraint.tool_call(wrapped) == plain
    assert json.loads(plain.source)["tools"][1]["parameters"]["properties"] == {}
