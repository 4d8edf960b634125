"""The answer constraint: what the text of the output must be, as the client asks for it."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, Self, TypeAlias, cast, get_args, get_origin

from decoding.grammars.dfa import MAX_STATES, Dfa
from decoding.grammars.dfa import compile as compile_grammar
from decoding.grammars.grammar import Either, GrammarError, Text
from decoding.grammars.pattern import parse
from decoding.schemas import json_schema
from decoding.schemas.json_source import canonical, parsed
from decoding.schemas.json_tool_call import compile_heads, compile_tool_calls
from decoding.schemas.json_type import schema_of
from decoding.text_or_calls import ANYTHING, text_or_calls

Kind: TypeAlias = Literal["json_schema", "regex", "choice", "json_object", "tool_calls"]

KIND_OF_KEY: Mapping[str, Kind] = {
    "json_schema": "json_schema",
    "regex": "regex",
    "choice": "choice",
    "json_object": "json_object",
    "tool_call": "tool_calls",
}
KEY_OF_KIND = {kind: key for key, kind in KIND_OF_KEY.items()}
MAX_CHOICES = 10_000
MAX_TEXT = 1 << 20  # characters of a constraint's text: its source and a key
NO_PARAMETERS = {"type": "object", "properties": {}, "additionalProperties": False}
OF_TEXT = "the text: "  # begins the errors of what is demanded of a text that may stand for calls
SPACES = (None, "[ ]?")  # the white space that JSON answers may have


@dataclass(frozen=True, slots=True)
class AnswerConstraint:
    """What one request demands of its answer; equal constraints compile to equal automata.

    source: JSON, compact, keys in the order given: it is the order that an answer's keys have
    """

    kind: Kind
    source: str

    @classmethod
    def of(cls, value: Any) -> Self:
        """Read a Python type, a JSON schema, or a term of outlines, as outlines' users write them.

        Literals and enums of strings are choices, of other values JSON; all other types are JSON.
        """
        if isinstance(value, cls):
            return value
        if type(value).__module__.partition(".")[0] == "outlines":
            return cls._of_outlines(value)
        if value is dict:
            return cls.json_object()
        if isinstance(value, Mapping):
            return cls.json_schema(value)
        if get_origin(value) is Literal:
            return cls._one_of(get_args(value))
        if isinstance(value, type) and issubclass(value, Enum):
            return cls._one_of(tuple(value))
        return cls.json_schema(schema_of(value))

    @classmethod
    def _of_outlines(cls, term: Any) -> Self:
        match type(term).__name__:
            case "JsonSchema":
                if term.whitespace_pattern not in SPACES:
                    raise GrammarError("expected no whitespace_pattern: JSON answers are compact")
                return cls.json_schema(term.schema)
            case "Choice":
                return cls._one_of(tuple(term.items))
            case "CFG":
                raise GrammarError("context-free grammars are not supported: use a JSON schema")
            case "Regex":
                return cls.regex(term.pattern)
            case _:
                return cls.regex(sys.modules[type(term).__module__].to_regex(term))

    @classmethod
    def _one_of(cls, values: Sequence[Any]) -> Self:
        plain = [value.value if isinstance(value, Enum) else value for value in values]
        if all(isinstance(value, str) for value in plain):
            return cls.choice(plain)
        return cls.json_schema({"enum": plain})

    @classmethod
    def json_schema(cls, schema: Mapping[str, Any] | bool | str | type) -> Self:
        """Demand a JSON document that the schema permits: a mapping, its JSON text, or a type."""
        if isinstance(schema, type):
            schema = schema_of(schema)
        elif isinstance(schema, str):
            schema = parsed(schema)
        if not isinstance(schema, Mapping | bool):
            raise GrammarError(
                f"expected a JSON schema, an object or a boolean, came {type(schema).__name__}"
            )
        return cls("json_schema", canonical(schema))

    @classmethod
    def regex(cls, pattern: str) -> Self:
        """Demand an answer that matches the pattern as a whole."""
        if not isinstance(pattern, str):
            raise GrammarError(f"expected a regex as a string, came {type(pattern).__name__}")
        return cls("regex", canonical(pattern))

    @classmethod
    def choice(cls, choices: Sequence[str]) -> Self:
        """Demand one of these texts."""
        if isinstance(choices, str) or not 1 <= len(choices) <= MAX_CHOICES:
            came = "a string" if isinstance(choices, str) else f"{len(choices):,}"
            raise GrammarError(f"expected a list of 1 to {MAX_CHOICES:,} choices, came {came}")
        for at, text in enumerate(choices):
            _check_choice(text, at)
        return cls("choice", canonical(list(dict.fromkeys(choices))))

    @classmethod
    def json_object(cls) -> Self:
        """Demand any JSON object."""
        return cls("json_object", "true")

    @classmethod
    def tool_call(
        cls,
        tools: Sequence[Mapping[str, Any]],
        *,
        parallel: bool = False,
        auto: bool = False,
        text: AnswerConstraint | None = None,
    ) -> Self:
        """Demand a call of one of the tools, or of several in turn where `parallel`.

        tools: name and parameters (a JSON schema) of each, as such or under OpenAI's "function";
        with "strict": false, parameters that cannot be enforced are any object
        auto: let the answer be a text instead, where it does not begin with a call's head
        text: what such a text must be; None is any text
        """
        spec: dict[str, Any] = {
            "tools": [_tool(tool, at) for at, tool in enumerate(tools)],
            "parallel": parallel,
        }
        if not spec["tools"]:
            raise GrammarError("expected at least one tool")
        if auto:
            spec["auto"] = True
        if text is not None:
            if not auto or text.kind == "tool_calls":
                raise GrammarError("expected a demand on the text only where there may be text")
            spec["text"] = text.to_dict()
        return cls("tool_calls", canonical(spec))

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, such as {"regex": "a+"}."""
        return {KEY_OF_KIND[self.kind]: json.loads(self.source)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_dict` gave; checks it as if a client had sent it."""
        match [*data.items()]:
            case [("json_schema", schema)]:
                return cls.json_schema(schema)
            case [("regex", pattern)]:
                return cls.regex(pattern)
            case [("choice", [*choices])]:
                return cls.choice(choices)
            case [("json_object", True)]:
                return cls.json_object()
            case [("tool_call", {"tools": [*tools], "parallel": bool(parallel), **rest})] if (
                rest.keys() <= {"auto", "text"} and rest.get("auto", True) is True
            ):
                text = _text_demand(rest["text"]) if "text" in rest else None
                return cls.tool_call(tools, parallel=parallel, auto="auto" in rest, text=text)
        came = ", ".join(map(str, data))
        raise GrammarError(
            f"expected one of {', '.join(KIND_OF_KEY)} with its value, came {came:.80}"
        )

    def to_text(self) -> str:
        """Return the JSON form as a text; nothing is parsed for it."""
        return f'{{"{KEY_OF_KIND[self.kind]}":{self.source}}}'

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read the JSON form of a constraint; checks it as if a client had sent it."""
        if len(text) > MAX_TEXT:
            raise GrammarError(
                f"expected a constraint of at most {MAX_TEXT:,} characters, came {len(text):,}"
            )
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise GrammarError(f"expected a constraint in JSON: {error}") from error
        if not isinstance(data, dict):
            raise GrammarError(f"expected a constraint as an object, came {type(data).__name__}")
        return cls.from_dict(data)

    @property
    def digest(self) -> str:
        """The SHA-256 of what is demanded, in hexadecimal."""
        return hashlib.sha256(f"{self.kind}\n{self.source}".encode()).hexdigest()

    def compile(self, max_states: int = MAX_STATES) -> Dfa:
        """Return the automaton of the answers; raises GrammarError."""
        demanded = json.loads(self.source)
        match self.kind:
            case "json_schema":
                return json_schema.compile_schema(demanded, max_states)
            case "json_object":
                return json_schema.compile_object(max_states)
            case "tool_calls":
                return self._compile_calls(demanded, max_states)
            case "regex":
                return compile_grammar(parse(demanded), max_states)
            case "choice":
                texts = tuple(Text(text.encode()) for text in demanded)
                return compile_grammar(Either(texts), max_states)

    def _compile_calls(self, spec: Mapping[str, Any], max_states: int) -> Dfa:
        heads = self.call_heads
        if heads is None or "auto" not in spec:
            return compile_tool_calls(spec, max_states)
        calls = compile_tool_calls(spec, max_states, is_lenient="text" not in spec)
        if "text" not in spec:
            return text_or_calls(ANYTHING, calls, heads)
        try:
            text = AnswerConstraint.from_dict(spec["text"]).compile(max_states)
        except GrammarError as error:
            raise type(error)(OF_TEXT + str(error)) from error
        return text_or_calls(text, calls, heads)

    @property
    def call_heads(self) -> Dfa | None:
        """What calls begin with, and no text does; None where the answer is never a call."""
        if self.kind != "tool_calls":
            return None
        spec = json.loads(self.source)
        names = tuple(tool["name"] for tool in spec["tools"])
        return compile_heads(names, is_lenient="auto" in spec and "text" not in spec)


def _check_choice(text: Any, at: int) -> None:
    if not isinstance(text, str) or not text:
        raise GrammarError(f"choice {at}: expected a string that is not empty, came {text!r:.40}")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise GrammarError(f"choice {at}: expected Unicode text, came half a surrogate pair")


def _tool(tool: Any, at: int) -> dict[str, Any]:
    named = tool.get("function", tool) if isinstance(tool, Mapping) else None
    name = named.get("name") if isinstance(named, Mapping) else None
    if not isinstance(name, str) or not name:
        raise GrammarError(f"tool {at}: expected a name and the schema of its parameters")
    named = cast("Mapping[str, Any]", named)
    parameters = named.get("parameters")
    spec = {"name": name, "parameters": NO_PARAMETERS if parameters is None else parameters}
    return spec | ({"strict": False} if named.get("strict") is False else {})


def _text_demand(data: Any) -> AnswerConstraint:
    if not isinstance(data, Mapping) or KEY_OF_KIND["tool_calls"] in data:
        raise GrammarError("expected a demand on the text that may stand instead of tool calls")
    return AnswerConstraint.from_dict(data)
