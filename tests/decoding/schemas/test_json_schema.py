"""JSON schemas against jsonschema: what is written is valid, and what is valid can be written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decoding.answer import AnswerConstraint
from decoding.grammars.dfa import Dfa
from decoding.grammars.dfa import compile as compile_grammar
from decoding.grammars.grammar import GrammarError
from decoding.schemas.json_schema import (
    compile_object,
    compile_schema,
    schema_node,
)
from tests.decoding.schemas.json_corpus import Case, Walks, read_cases, read_refused, texts_of

CASES = read_cases()
MAX_STATES = 5_000
NODE = {"properties": {"v": {"type": "integer"}, "next": {"$ref": "#"}}, "required": ["v"]}
TOOLS = [
    {"name": "get_weather", "parameters": {"properties": {"city": {"type": "string"}}}},
    {"name": "no_arguments", "parameters": {"type": "object", "properties": {}}},
]
CALL = b'{"name": "get_weather", "parameters": {"city": "Rome"}}'
OTHER = b'{"name":"no_arguments","parameters":{}}'


def list_of(length: int) -> bytes:
    return b'{"v":1,"next":' * (length - 1) + b'{"v":1' + b"}" * length


def test_the_corpus_has_sixty_schemas_with_names_of_their_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 60


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_a_schema_permits_is_what_jsonschema_permits(case: Case) -> None:
    dfa = compile_schema(case.schema, MAX_STATES)
    for document in case.valid:
        assert case.validator.is_valid(document)
        for text in texts_of(document):
            assert dfa.accepts(text)
    for document in case.invalid:
        assert case.unchecked or not case.validator.is_valid(document)
        assert not any(map(dfa.accepts, texts_of(document)))
    for document in case.narrower:
        assert case.validator.is_valid(document)
        assert not any(map(dfa.accepts, texts_of(document)))
    check_walks(dfa, case)


def check_walks(dfa: Dfa, case: Case) -> None:
    walks = Walks(dfa, seed=len(case.name))
    validator = case.validator
    for number in range(50):
        document = json.loads(walks.text(2 * number))
        assert not [error.message for error in validator.iter_errors(document)]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [pytest.param(schema, expected, id=name) for name, schema, expected in read_refused()],
)
def test_what_cannot_be_enforced_is_refused_with_its_place(schema: Any, expected: str) -> None:
    with pytest.raises(GrammarError) as refused:
        compile_schema(schema)
    assert expected in str(refused.value)


PARTS: list[Any] = [
    *({"type": "integer", "minimum": 0}, {"maximum": 5}, {"type": "number"}, {"multipleOf": 2}),
    *({"type": "string"}, {"minLength": 1, "maxLength": 3}, {"pattern": "^a"}, {"type": "null"}),
    *({"enum": [1, "a", None, "bb"]}, {"const": "a"}, {"type": ["string", "object"]}, {}, True),
    *({"format": "date"}, {"$ref": "#/$defs/list"}, {"$ref": "#"}, {"minItems": 1}, False),
    *({"properties": {"k": {"const": 1}}, "required": ["k"]}, {"required": ["b"]}),
    *({"properties": {"k": {"const": 2}}, "required": ["k"], "additionalProperties": False},),
    *({"additionalProperties": {"type": "boolean"}}, {"minProperties": 1, "maxProperties": 2}),
    *({"patternProperties": {"^x": {"type": "null"}}}, {"prefixItems": [{"type": "string"}]}),
]
LIST = {"anyOf": [{"type": "null"}, {"items": {"$ref": "#/$defs/list"}}]}


def combined(parts: list[Any], how: str) -> Any:
    if how in ("items", "additionalProperties"):
        return {how: parts[0], "type": "array" if how == "items" else "object"}
    if how == "properties":
        return {how: dict(zip("abc", parts, strict=False)), "required": ["b"]}
    if how == "beside":
        return {**(parts[-1] if isinstance(parts[-1], dict) else {}), "anyOf": parts[:-1] or [{}]}
    return {how: parts}


WAYS = ["allOf", "anyOf", "oneOf", "items", "properties", "additionalProperties", "beside"]
SCHEMAS = st.recursive(
    st.sampled_from(PARTS),
    lambda inner: st.builds(
        combined, st.lists(inner, min_size=1, max_size=3), st.sampled_from(WAYS)
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(SCHEMAS)
def test_whatever_is_written_for_any_combination_is_valid(schema: Any) -> None:
    whole = {**schema, "$defs": {"list": LIST}} if isinstance(schema, dict) else schema
    try:
        dfa = compile_schema(whole, 500)
    except GrammarError:
        return
    walks, validator = Walks(dfa, seed=0), Case("", whole, [], []).validator
    for number in range(10):
        document = json.loads(walks.text(2 * number))
        try:
            assert validator.is_valid(document)
        except RecursionError:  # jsonschema follows references that lead back to the same value
            return


def test_no_other_white_space_is_written() -> None:
    dfa = compile_schema({"type": "array", "items": {"type": "integer"}})
    assert dfa.accepts(b"[1, 2,3]")
    for text in (b"[ 1]", b"[1 ]", b"[1 ,2]", b"[1,  2]", b"[1,\n2]", b" [1]", b"[1] ", b"[1,]"):
        assert not dfa.accepts(text)


@pytest.mark.parametrize("said", [{"const": True}, {"type": "boolean", "enum": [True]}])
def test_unique_booleans_are_those_of_the_list(said: Any) -> None:
    dfa = compile_schema({"type": "array", "items": said, "uniqueItems": True, "maxItems": 2})
    texts = (b"[]", b"[true]", b"[false]", b"[false,true]")
    assert [dfa.accepts(text) for text in texts] == [True, True, False, False]


def test_only_utf8_without_surrogates_is_written() -> None:
    dfa = compile_schema({"type": "string"})
    assert dfa.accepts(b'"\\u00e9\\uD7FF\\ue000"')
    for text in (b'"\xff"', b'"\xed\xa0\x80"', b'"\\ud800"', b'"\\uDFFF"', b'"\n"', b'"\\x41"'):
        assert not dfa.accepts(text)


def test_numbers_are_written_as_json_has_them() -> None:
    dfa = compile_schema({"type": "number"})
    for text in (b"01", b"+1", b".5", b"1.", b"1e", b"-", b"0x1", b"NaN", b"1e400"):
        assert not dfa.accepts(text)


def test_recursion_is_unrolled_to_the_depth() -> None:
    dfa = compile_grammar(schema_node(NODE, depth=3))
    assert [dfa.accepts(list_of(length)) for length in (1, 3, 4)] == [True, True, False]


def test_recursion_is_as_deep_as_the_states_permit() -> None:
    assert compile_schema(NODE).accepts(list_of(12))
    small = compile_schema(NODE, max_states=200)
    assert small.num_states <= 200
    assert small.accepts(list_of(3))
    assert not small.accepts(list_of(12))


def test_a_count_is_cut_where_it_does_not_fit() -> None:
    schema = {"type": "string", "minLength": 5, "maxLength": 10**9}
    dfa = compile_schema(schema, max_states=1_000)
    assert dfa.num_states <= 1_000
    assert dfa.accepts(b'"' + b"a" * 50 + b'"')
    assert not dfa.accepts(b'"aaaa"')


def test_a_least_count_that_does_not_fit_is_refused() -> None:
    with pytest.raises(GrammarError, match="states"):
        compile_schema({"type": "string", "minLength": 5_000}, max_states=1_000)


def test_a_pattern_keeps_its_language_beside_long_counts() -> None:
    dfa = compile_schema({"type": "string", "pattern": "^(ab?)+$", "maxLength": 3_000})
    assert dfa.accepts(b'"' + b"ab" * 1_500 + b'"')
    assert not dfa.accepts(b'"' + b"ab" * 1_500 + b'a"')


def test_any_object_is_nested_six_deep_within_six_thousand_states() -> None:
    dfa = compile_object(6_000)
    assert dfa.num_states <= 6_000
    assert dfa.accepts(b'{"a": {"b":[{"c": [{"d": -1.5e3}]}]}, "e":"f"}')
    assert dfa.accepts(b"{}")
    for text in (b"[]", b"1", b'{"a"}', b'{"a":1,}', b'{"a":[}]'):
        assert not dfa.accepts(text)


@pytest.mark.parametrize("max_states", [300, 1_000, 3_000])
def test_any_object_fits_the_states_that_there_are(max_states: int) -> None:
    dfa = compile_object(max_states)
    assert dfa.num_states <= max_states
    assert dfa.accepts(b'{"a": 1}')


def test_constraints_on_the_answer_reach_the_schema() -> None:
    tool = AnswerConstraint.tool_call(TOOLS, parallel=True)
    assert tool.compile().accepts(CALL)
    assert AnswerConstraint.json_object().compile().accepts(b"{}")
    assert AnswerConstraint.json_schema({"const": "é"}).compile().accepts('"é"'.encode())


def bomb(levels: int) -> dict[str, Any]:
    """Each definition holds the next one twice."""
    of_next = {"prefixItems": [{"$ref": "#/$defs/{}"}] * 2, "minItems": 2, "maxItems": 2}
    defs = {
        str(n): json.loads(json.dumps(of_next).replace("{}", f"{n + 1}")) for n in range(levels)
    }
    defs[str(levels)] = {"type": "integer"}
    return {"$ref": "#/$defs/0", "$defs": defs}


def nested(levels: int) -> Any:
    return json.loads('{"items":' * levels + "true" + "}" * levels)


TWENTY = {"anyOf": [{"required": [str(n)]} for n in range(20)]}
HOSTILE: dict[str, Any] = {
    "references that double": bomb(30),
    "nesting": nested(150),
    "nesting beyond reading": nested(900),
    "a chain of definitions": {
        "$ref": "#/$defs/0",
        "$defs": {str(n): {"items": {"$ref": f"#/$defs/{n + 1}"}} for n in range(5_000)},
    },
    "a chain of references": {
        "$ref": "#/$defs/0",
        "$defs": {str(n): {"$ref": f"#/$defs/{n + 1}"} for n in range(5_000)},
    },
    "a product of unions": {"allOf": [TWENTY] * 20},
    "options that all overlap": {"oneOf": [{"type": "string", "minLength": n} for n in range(999)]},
    "many required lengths": {
        "properties": {str(n): {"type": "string", "minLength": 9_999} for n in range(100)},
        "required": [str(n) for n in range(100)],
    },
    "a pattern that doubles": {"type": "string", "pattern": "(a|b)*a(a|b){20}"},
    "patterns that double beside lengths": {
        "properties": {
            f"p{n}": {
                "type": "string",
                "pattern": f"(a|b)*a(a|b){{2{n % 10}}}",
                "maxLength": 99 + n,
            }
            for n in range(300)
        },
    },
    "a nest of counts": {
        "type": "array",
        "minItems": 9_999,
        "items": {"type": "array", "minItems": 9_999, "items": {"type": "integer"}},
    },
    "many counted properties": {
        "properties": {str(n): {"type": "null"} for n in range(2_000)},
        "minProperties": 1_000,
    },
    "long names over many": {
        "properties": {"x" * 100_000: {"properties": {str(n): {} for n in range(20_000)}}}
    },
    "deep constant": {"const": nested(900)},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_schema_is_refused_or_cut_in_bounded_time(name: str) -> None:
    with pytest.raises(GrammarError):
        compile_schema(HOSTILE[name])


def test_a_large_but_honest_schema_compiles() -> None:
    properties = {f"property_{n}": {"type": "string"} for n in range(200)}
    dfa = compile_schema({"type": "object", "properties": properties, "required": [*properties]})
    assert dfa.accepts(json.dumps(dict.fromkeys(properties, "x")).encode())


def test_a_long_enum_compiles() -> None:
    dfa = compile_schema({"enum": [f"value {n * 7919}" for n in range(5_000)]})
    assert dfa.accepts(b'"value 7919"')


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"k" * 500_000: {"$ref": "#/nope"}}},
        {"properties": {"k: " * 100_000: {"$ref": "#/nope"}}},
        {"properties": {"a": {"$ref": "#" + "/nope" * 5_000}}},
        {"properties": {"k" * 500_000: {"type": "string", "pattern": "(a"}}},
        {"$defs": {"k" * 50_000: {"not": {}}}, "$ref": "#/$defs/" + "k" * 50_000},
    ],
)
def test_what_is_said_of_a_long_place_is_short(schema: Any) -> None:
    with pytest.raises(GrammarError) as refused:
        compile_schema(schema)
    assert str(refused.value).startswith("#/")
    assert len(str(refused.value)) < 700


def test_a_long_step_is_cut_and_the_rest_of_its_place_is_told() -> None:
    with pytest.raises(GrammarError, match=r"^#/properties/k{64}…/properties/a/not: 'not' cannot"):
        compile_schema({"properties": {"k" * 65: {"properties": {"a": {"not": {}}}}}})


@pytest.mark.parametrize(
    "text",
    [
        r'{"\ud800": 1}',
        r'{"properties": {"\ud800": {"not": {}}}}',
        r'{"properties": {"\ud800": {"$ref": "#/nope"}}}',
        r'{"properties": {"\ud800": {"oneOf": [{}, {}]}}}',
        r'{"properties": {"a": {"const": "\ud800"}}}',
    ],
)
def test_what_is_said_of_half_a_surrogate_can_be_encoded(text: str) -> None:
    with pytest.raises(GrammarError, match=r"^#/.*\\ud800") as refused:
        compile_schema(json.loads(text))
    assert str(refused.value).isascii()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("idn-email", "a@b.org"),
        ("idn-hostname", "b.org"),
        ("iri", "https://b.org/a"),
        ("iri-reference", "https://b.org/a"),
        ("uri-reference", "https://b.org/a"),
    ],
)
def test_an_international_or_relative_format_is_written_as_its_plain_one(
    name: str, text: str
) -> None:
    dfa = compile_schema({"type": "string", "format": name})
    assert dfa.accepts(json.dumps(text).encode())
    assert not dfa.accepts(b'"< >"')


@pytest.mark.parametrize("name", ["uri-template", "json-pointer", "relative-json-pointer", "regex"])
def test_a_standard_format_without_a_grammar_is_refused(name: str) -> None:
    with pytest.raises(GrammarError, match=f"^#/format: '{name}' cannot be enforced"):
        compile_schema({"type": "string", "format": name})


TWO_PLACES = {
    "$defs": {
        "a/properties/x": {"type": "integer"},
        "a": {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]},
        "a~1b": {"type": "null"},
    },
}


@pytest.mark.parametrize("ref", ["#/$defs/a~1properties~1x", "#/$defs/a%7E1properties%7e1x"])
def test_schemas_whose_keys_have_slashes_are_kept_apart(ref: str) -> None:
    members = {"p": {"$ref": ref}, "q": {"$ref": "#/$defs/a"}}
    schema = {**TWO_PLACES, "properties": members, "required": ["p", "q"]}
    dfa = compile_schema({**schema, "type": "object"})
    assert dfa.accepts(b'{"p":0,"q":{"x":"s"}}')
    assert not dfa.accepts(b'{"p":0,"q":{"x":0}}')


def test_a_slash_that_is_percent_encoded_parts_the_steps_of_a_reference() -> None:
    dfa = compile_schema({**TWO_PLACES, "$ref": "#/$defs/a%2Fproperties%2Fx"})
    assert dfa.accepts(b'"s"')
    assert not dfa.accepts(b"0")
    assert compile_schema({**TWO_PLACES, "$ref": "#/$defs/a~01b"}).accepts(b"null")


def test_a_reference_through_a_document_of_its_own_is_refused() -> None:
    inner = {"$id": "https://a.org/b", "$defs": {"c": {"type": "null"}}}
    with pytest.raises(GrammarError, match=r"^#/\$ref: expected one document.*move '\$id'"):
        compile_schema({"$defs": {"b": inner}, "$ref": "#/$defs/b/$defs/c"})


def test_a_property_named_id_is_no_document_of_its_own() -> None:
    members = {"$id": {"type": "integer"}, "b": {"$ref": "#/properties/$id"}}
    dfa = compile_schema({"properties": members, "required": ["b"], "type": "object"})
    assert dfa.accepts(b'{"b":1}')


DRAFT_4, DRAFT_7 = (f"http://json-schema.org/draft-0{n}/schema#" for n in (4, 7))
DRAFT_2020 = "https://json-schema.org/draft/2020-12/schema"
NULLS = [{"type": "null"}]


@pytest.mark.parametrize(
    ("draft", "schema", "place"),
    [
        (DRAFT_4, {"prefixItems": NULLS}, "#/prefixItems"),
        (DRAFT_7, {"items": {"prefixItems": NULLS}, "type": "array"}, "#/items/prefixItems"),
        (DRAFT_7, {"$ref": "#/$defs/null", "type": "null"}, "#/type"),
        (DRAFT_7, {"properties": {"a": {"$ref": "#/$defs/two"}}}, "#/$defs/two/minItems"),
        (DRAFT_2020, {"items": NULLS}, "#/items"),
        (DRAFT_2020, {"allOf": [{"items": NULLS}]}, "#/allOf/0/items"),
    ],
)
def test_what_the_named_draft_reads_otherwise_is_refused(
    draft: str, schema: Any, place: str
) -> None:
    whole = {**schema, "$defs": {"null": NULLS[0], "two": {"$ref": "#/$defs/null", "minItems": 2}}}
    compile_schema(whole)
    with pytest.raises(GrammarError) as refused:
        compile_schema({**whole, "$schema": draft})
    assert str(refused.value).startswith(f"{place}: the draft in '$schema' ")


@pytest.mark.parametrize(
    ("draft", "schema"),
    [
        (DRAFT_4, {"type": "array", "items": NULLS, "maxItems": 1}),
        (DRAFT_7, {"$ref": "#/$defs/list", "title": "a list", "$defs": {"list": {"items": {}}}}),
        (DRAFT_2020, {"type": "array", "prefixItems": NULLS}),
    ],
)
def test_what_the_named_draft_reads_alike_is_written(draft: str, schema: Any) -> None:
    assert compile_schema({**schema, "$schema": draft}).accepts(b"[null]")
