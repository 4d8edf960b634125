"""Tool calls as grammars: {"name": ..., "parameters": {...}}, the form of Llama 3.1's template.

Parallel calls stand one after the other, with a semicolon and at most one space between, as vLLM's
parser of this form reads them. The head of a call is what it begins with, up to its name's end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from decoding.grammars.dfa import MAX_STATES, Dfa
from decoding.grammars.dfa import compile as compile_grammar
from decoding.grammars.grammar import Chars, GrammarError, Node, Repeat, Text
from decoding.schemas.json_schema import OBJECT, Plan, fit
from decoding.schemas.json_text import COLON, COMMA, SPACE, either, joined, literal, repeated

OPEN, CLOSE = Text(b"{"), Text(b"}")
BLANKS = Repeat(Chars(tuple((ord(c), ord(c)) for c in "\t\n\r ")))
FURTHER = joined(Text(b";"), SPACE)
LAST_NEWLINE = Repeat(Text(b"\n"), 0, 1)


@lru_cache(maxsize=64)
def compile_heads(names: tuple[str, ...], *, is_lenient: bool) -> Dfa:
    """Return the DFA of the heads of calls of these tools; no head begins another.

    is_lenient: allow the white space of any JSON, and a member "type" first, as models write them
    """
    return compile_grammar(either(_head(name, is_lenient=is_lenient) for name in names))


def compile_tool_calls(
    spec: Mapping[str, Any], max_states: int = MAX_STATES, *, is_lenient: bool = False
) -> Dfa:
    """Return the DFA of a call of one of the tools, or of several calls where they are parallel.

    spec: tools, a list of {"name", "parameters"}, and whether the calls may be parallel; the
    parameters of a tool with "strict": false that cannot be enforced are any object

    is_lenient: let the first call's head be lenient, and a newline end it all
    """
    tools = spec["tools"]
    names = [tool["name"] for tool in tools]
    if len(set(names)) < len(names):
        raise GrammarError("expected tools with different names")

    def frame(nodes: Sequence[Node]) -> Node:
        rests = [joined(COMMA, literal("parameters"), COLON, node, CLOSE) for node in nodes]
        first, one = (_calls(names, rests, is_lenient=it) for it in (is_lenient, False))
        further = repeated(joined(FURTHER, one), 0, None if spec.get("parallel") else 0)
        return joined(first, further, LAST_NEWLINE) if is_lenient else joined(first, further)

    try:
        return fit([_plan(tool) for tool in tools], frame, max_states)
    except GrammarError:
        if all(tool.get("strict", True) for tool in tools):
            raise
        loose = [tool if tool.get("strict", True) else tool | {"parameters": {}} for tool in tools]
        return fit([_plan(tool) for tool in loose], frame, max_states)


def _calls(names: Sequence[str], rests: Sequence[Node], *, is_lenient: bool) -> Node:
    calls = zip(names, rests, strict=True)
    return either(joined(_head(name, is_lenient=is_lenient), rest) for name, rest in calls)


def _plan(tool: Mapping[str, Any]) -> Plan:
    try:
        return Plan(tool["parameters"], tool["name"])
    except GrammarError:
        if tool.get("strict", True):
            raise
        return Plan(OBJECT, tool["name"])


def _head(name: str, *, is_lenient: bool) -> Node:
    if not is_lenient:
        return joined(OPEN, literal("name"), COLON, literal(name))
    colon = joined(BLANKS, Text(b":"), BLANKS)
    kind = joined(literal("type"), colon, literal("function"), BLANKS, Text(b","), BLANKS)
    optional = repeated(kind, 0, 1)
    return joined(BLANKS, OPEN, BLANKS, optional, literal("name"), colon, literal(name))
