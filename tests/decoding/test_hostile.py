"""Hostile inputs: whatever comes, time and memory are bounded and the error says what to do."""

from __future__ import annotations

import json
import re
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from decoding.answer import AnswerConstraint
from decoding.automaton import Automaton
from decoding.budget import Budget
from decoding.format import FormatError, ReplyFormat
from decoding.grammars.dfa import MAX_STATES, Dfa
from decoding.grammars.grammar import GrammarError
from decoding.matcher import Matcher
from decoding.parser import ReplyParser
from decoding.vocabulary import Vocabulary
from tests.decoding.conftest import STOP

MAX_CPU_S, MAX_GROWTH_MIB = 10.0, 500
MEGABYTE = 1_000_000
MAX_MESSAGE = 500  # characters of an error for the client

Schema = dict[str, object]


@contextmanager
def bounded() -> Iterator[None]:
    """Fail if the body takes too much CPU time, or raises the peak of memory by too much."""
    cpu_s, peak = time.process_time(), _peak_mib()
    yield
    assert time.process_time() - cpu_s < MAX_CPU_S
    assert _peak_mib() - peak < MAX_GROWTH_MIB


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def nested(depth: int) -> Schema:
    """Return an object in an object in an object."""
    schema: Schema = {"type": "integer"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}, "required": ["a"]}
    return schema


def chain(keyword: str, depth: int = 30) -> Schema:
    """Return definitions of which each names the next one twice: 2 ** depth in all."""
    definitions: Schema = {f"d{depth}": {"type": "integer"}}
    for level in range(depth):
        following = {"$ref": f"#/$defs/d{level + 1}"}
        if keyword == "properties":
            both: object = {"a": following, "b": following}
            definitions[f"d{level}"] = {"type": "object", keyword: both, "required": ["a", "b"]}
        else:
            definitions[f"d{level}"] = {keyword: [following, following]}
    return {"$defs": definitions, "$ref": "#/$defs/d0"}


def wide(count: int, *, is_required: bool) -> Schema:
    """Return an object of many properties."""
    names = [f"property{number}" for number in range(count)]
    properties = {name: {"type": "string"} for name in names}
    return {"type": "object", "properties": properties, "required": names * is_required}


TREE: Schema = {
    "type": "object",
    "properties": {key: {"anyOf": [{"$ref": "#"}, {"type": "null"}]} for key in "abcdef"},
    "required": list("abcdef"),
}
REGEXES = {
    "nested repeats": r"(a+)+$",
    "nested repeats, anchored": r"^(((a+)+)+)+$",
    "the n-th letter from the end": r"(a|b)*a(a|b){20}",
    "repeats of repeats": r"((a{1,100}){1,100}){1,100}",
    "overlapping repeats": r"(a*)*(b*)*(a*b*)*c{0,9999}",
    "a huge count": r"a{1000000000}",
    "two large counts": r"(a{10000}){10000}",
    "any text, counted": r".{0,10000}x.{0,10000}",
    "deep groups": "(" * 100_000 + ")" * 100_000,
    "half of deep groups": "(" * 100_000,
    "a long pattern": "ab?" * 200_000,
    "many alternatives": "|".join(f"word{number}.*" for number in range(5_000)),
    "nothing": r"[^\s\S]",
    "look-ahead": r"(?=a)a",
    "a back reference": r"(a)\1",
}
SCHEMAS: dict[str, Schema] = {
    "nested 50 deep": nested(50),
    "nested 900 deep": nested(900),
    "a chain of anyOf": chain("anyOf"),
    "a chain of allOf": chain("allOf"),
    "a chain of oneOf": chain("oneOf"),
    "a chain of properties": chain("properties"),
    "itself": {"$ref": "#"},
    "itself, in a list": {"type": "array", "items": {"$ref": "#"}},
    "a tree": TREE,
    "an endless tree": {**TREE, "properties": {key: {"$ref": "#"} for key in "abcdef"}},
    "a reference to nowhere": {"$ref": "#/$defs/none"},
    "a reference elsewhere": {"$ref": "http://127.0.0.1:1/schema"},
    "a thousand required keys": wide(1_000, is_required=True),
    "two thousand optional keys": wide(2_000, is_required=False),
    "a huge list": {"type": "array", "items": {"type": "string"}, "minItems": 10**9},
    "a long list": {"type": "array", "items": nested(3), "maxItems": 10**9},
    "a huge string": {"type": "string", "minLength": 10**9},
    "a long string": {"type": "string", "maxLength": 10**9},
    "a hostile pattern": {"type": "string", "pattern": r"^(a|b)*a(a|b){20}$"},
    "a pattern of repeats": {"type": "string", "pattern": r"^(a+)+$"},
    "a wide range": {"type": "number", "minimum": -1e300, "maximum": 1e300},
    "a fine multiple": {"type": "number", "multipleOf": 1e-300},
    "many values": {"enum": [f"value {number}" for number in range(5_000)]},
    "unions of unions": {"anyOf": [{"anyOf": [nested(n), TREE]} for n in range(40)]},
    "wrong types": {"type": "object", "properties": [1, 2], "required": "a"},
    "no schema": {"type": "nothing"},
}
ACCEPTED = {
    *("nested repeats", "nested repeats, anchored", "many values", "a tree", "a long string"),
    *("a pattern of repeats", "nested 50 deep", "itself, in a list"),
}
REFUSED = {
    *("a huge count", "two large counts", "deep groups", "half of deep groups", "a long pattern"),
    *("the n-th letter from the end", "a hostile pattern", "look-ahead", "a back reference"),
    *("itself", "an endless tree", "a reference to nowhere", "a reference elsewhere"),
    *("a huge list", "a huge string", "wrong types", "no schema", "nothing"),
}


def compiled(constraint: Callable[[], AnswerConstraint], name: str) -> Dfa | None:
    """Compile within bounds; return None where it was refused with a message of good length."""
    with bounded():
        dfa, message = attempt(constraint)
    if dfa is None:
        assert name not in ACCEPTED
        assert 10 < len(message) < MAX_MESSAGE
    else:
        assert name not in REFUSED
    return dfa


def attempt(
    constraint: Callable[[], AnswerConstraint], max_states: int = MAX_STATES
) -> tuple[Dfa | None, str]:
    """Compile; return None and the message if that is refused."""
    try:
        return constraint().compile(max_states), ""
    except GrammarError as error:
        return None, str(error)


@pytest.mark.parametrize("name", REGEXES)
def test_a_hostile_regex_is_compiled_or_refused_in_bounded_time(name: str) -> None:
    dfa = compiled(lambda: AnswerConstraint.regex(REGEXES[name]), name)
    if dfa is not None and name in ACCEPTED:
        assert dfa.accepts(b"a" * 10_000)
        assert not dfa.accepts(b"a" * 10_000 + b"b")


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_hostile_schema_is_compiled_or_refused_in_bounded_time(name: str) -> None:
    compiled(lambda: AnswerConstraint.json_schema(SCHEMAS[name]), name)


KEYWORDS = (
    "type", "enum", "const", "properties", "required", "additionalProperties", "items",
    "prefixItems", "minItems", "maxItems", "uniqueItems", "contains", "minLength", "maxLength",
    "pattern", "format", "minimum", "exclusiveMaximum", "multipleOf", "anyOf", "oneOf", "allOf",
    "not", "if", "$ref", "$defs", "patternProperties", "propertyNames", "minProperties",
    "dependentRequired", "$dynamicRef", "$id", "default",
)  # fmt: skip
JUNK: tuple[object, ...] = (
    None, True, -1, 1.5, 1e300, 2**63, "", "#", "(", "\ud800", [], {}, [[]], [{}], ["a", "a"],
    {"a": None}, {"\ud800": {}}, {"$ref": "#"},
)  # fmt: skip


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_junk_in_a_keyword_raises_nothing_but_a_grammar_error(keyword: str) -> None:
    with bounded():
        for junk in JUNK:
            schema: Schema = {"type": "string", keyword: junk}
            attempt(partial(AnswerConstraint.json_schema, schema), max_states=500)


def test_an_integer_beyond_every_float_is_no_other_error() -> None:
    schema = {"type": "integer", "minimum": -(10**400), "maximum": 10**400}
    attempt(lambda: AnswerConstraint.json_schema(schema))


def test_a_schema_of_5_mb_is_refused_at_once() -> None:
    schema = wide(100_000, is_required=True)
    text = json.dumps(schema)
    assert len(text) > 5 * MEGABYTE
    before_s = time.process_time()
    for form in (schema, text):
        with pytest.raises(GrammarError, match=r"at most 1,000,000 characters .* shorten it"):
            AnswerConstraint.json_schema(form)
    assert time.process_time() - before_s < 2.0


@pytest.mark.parametrize("text", ["[" * 400_000, '{"a":' * 150_000, '"' + "\\u0041" * 160_000])
def test_json_that_nests_without_end_is_no_schema(text: str) -> None:
    with bounded(), pytest.raises(GrammarError):
        AnswerConstraint.json_schema(text)


def test_ten_thousand_choices_are_compiled_and_one_more_is_refused() -> None:
    choices = [f"choice number {number}" for number in range(10_001)]
    with bounded():
        dfa = AnswerConstraint.choice(choices[:10_000]).compile()
    assert dfa.accepts(b"choice number 9999")
    assert not dfa.accepts(b"choice number 10000")
    with pytest.raises(GrammarError, match="10,000"):
        AnswerConstraint.choice(choices)


def test_choices_that_share_nothing_are_compiled_or_refused() -> None:
    choices = [f"{number * 7919 % 10_007:05}" * 15 for number in range(10_000)]
    compiled(lambda: AnswerConstraint.choice(choices), "choices")


def test_a_thousand_tools_are_compiled_or_refused() -> None:
    tools = [{"name": f"tool{n}", "parameters": nested(2)} for n in range(1_000)]
    compiled(lambda: AnswerConstraint.tool_call(tools, parallel=True), "tools")


def test_the_largest_answer_is_lifted_in_bounded_time(vocabulary: Vocabulary) -> None:
    dfa = AnswerConstraint.regex(r"(a|b)*a(a|b){11}").compile()
    with bounded():
        automaton = Automaton.build(ReplyFormat(), vocabulary, [STOP], answer=dfa)
    matcher = Matcher(automaton, Budget(max_tokens=200, max_thinking_tokens=40))
    assert all(map(matcher.accept, b"<thinking></thinking><output>abba"))


@pytest.mark.parametrize("size", [7, 1_000, MEGABYTE])
def test_a_megabyte_of_less_than_passes_the_parser(size: int) -> None:
    text = "<" * MEGABYTE
    parser = ReplyParser(ReplyFormat())
    num_out = 0
    with bounded():
        for start in range(0, MEGABYTE, size):
            num_out += sum(
                len(delta.text) for delta in parser.feed_text(text[start : start + size])
            )
            assert start + size - num_out < 16  # no more than a half tag is held back
        num_out += sum(len(delta.text) for delta in parser.flush())
    assert num_out == MEGABYTE


def test_a_megabyte_of_half_tags_passes_the_parser_inside_a_section() -> None:
    text = "</thinkin" * (MEGABYTE // 9)
    parser = ReplyParser(ReplyFormat())
    with bounded():
        deltas = [*parser.feed_text("<thinking>" + text), *parser.flush()]
    assert "".join(delta.text for delta in deltas) == text


def test_a_megabyte_of_less_than_passes_the_matcher(automaton: Automaton) -> None:
    matcher = Matcher(automaton, Budget(max_tokens=400_000, max_thinking_tokens=300_000))
    assert all(map(matcher.accept, b"<thinking>"))
    with bounded():
        assert all(matcher.accept(ord("<")) for _ in range(250_000))
    assert not matcher.is_answering


@pytest.mark.parametrize("name", ["a.b", "x-1.", "A.B:c_d"])
def test_a_tag_name_with_characters_of_regexes_is_taken_literally(
    name: str, vocabulary: Vocabulary
) -> None:
    form = ReplyFormat(thinking=name)
    look_alike = re.sub(r"[.]", "x", name)
    reply = f"<{name}>a <{look_alike}> </{look_alike}x> b</{name}><output>c</output>"
    matcher = Matcher(
        Automaton.build(form, vocabulary, [STOP]), Budget(max_tokens=500, max_thinking_tokens=400)
    )
    assert all(map(matcher.accept, [*reply.encode(), STOP]))
    parser = ReplyParser(form)
    deltas = [*parser.feed_text(reply), *parser.flush()]
    assert deltas[-1].text == "c"
    assert f"<{look_alike}>" in "".join(delta.text for delta in deltas)


@pytest.mark.parametrize(
    "name", ["a+", "(a", "a|b", "[a]", "a*", "^a", "a$", "a\\d", "", "é", "aa>"]
)
def test_a_tag_name_that_is_a_regex_is_refused(name: str) -> None:
    with pytest.raises(FormatError, match="must be a letter followed by"):
        ReplyFormat(thinking=name)
