"""An answer that may be text or calls is what its beginning says, and whole."""

from __future__ import annotations

import itertools
import json
import random
import re
from typing import Any

import jsonschema
import numpy as np
import pytest

from decoding.answer import AnswerConstraint
from decoding.automaton import Automaton
from decoding.byte_dfa import ByteDfa
from decoding.constrained_answer import constrained_answer
from decoding.format import ReplyFormat, Section, TextGuard
from decoding.grammars.dfa import Dfa
from decoding.grammars.dfa import compile as compile_grammar
from decoding.grammars.grammar import Either, Text
from decoding.masks import Masks
from decoding.matcher import Matcher
from decoding.parser import ReplyParser, Status
from decoding.text_or_calls import text_or_calls
from decoding.vocabulary import Vocabulary
from tests.decoding.budgets import random_budget
from tests.decoding.conftest import STOP, mixed_tokens
from tests.decoding.judge import is_visible

PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {"x": {"type": "integer", "minimum": 0}, "s": {"type": "string"}},
    "required": ["x"],
    "additionalProperties": False,
}
TOOLS: list[dict[str, Any]] = [{"name": "f"}, {"name": "fg", "parameters": PARAMETERS}]
# For Python's re.
HEAD = r'\s*\{\s*(?:"type"\s*:\s*"function"\s*,\s*)?"name"\s*:\s*"(?:f|fg)"'
PIECES = [b"{", b'"name"', b'"type":"function"', b":", b'"f"', b'"f', b'g"', b',"parameters":{}',
          b"}", b";", b" ", b"\n", b"x", b"<t>", b"</o"]  # fmt: skip


def lies_in(answer: ByteDfa, raw: bytes) -> bool:
    return answer.walk(raw + b"</o>") == answer.final


def may_be(raw: str, guard: TextGuard, *, parallel: bool) -> bool:
    """Tell by the law whether the raw answer may stand, where no tool takes arguments."""
    head = HEAD.replace("(?:f|fg)", "f")
    if re.match(head, raw):
        rest = r', ?"parameters": ?\{\}\}'
        further = rf'(?:; ?\{{"name": ?"f"{rest})*' if parallel else ""
        return re.fullmatch(rf"{head}{rest}{further}\n?", raw) is not None
    has_tag = guard == "all" and "<t>" in raw
    return not has_tag and any(map(is_visible, raw))


@pytest.mark.parametrize("guard", ["all", "closing"])
@pytest.mark.parametrize("parallel", [False, True])
def test_every_short_answer_is_calls_or_text_as_it_begins(guard: TextGuard, parallel: bool) -> None:
    constraint = AnswerConstraint.tool_call([{"name": "f"}], parallel=parallel, auto=True)
    form = ReplyFormat("t", "r", "o", text_guard=guard)
    answer = constrained_answer(form, constraint.compile())
    heads = [[b"{", b'"name"', b":", b'"f"'], [b" ", b"{", b'"name"', b":", b" ", b'"f']]
    for before, length in (([], 4), (heads[0], 4), (heads[1], 3)):
        for symbols in itertools.product(PIECES, repeat=length):
            raw = b"".join([*before, *symbols])
            assert lies_in(answer, raw) == may_be(raw.decode(), guard, parallel=parallel), raw


@pytest.mark.parametrize("text", ["", "a", "ab", "abc", "b", "ba", "ca"])
def test_the_law_holds_for_any_languages(text: str) -> None:
    """Heads ab and c, texts of a and b alone, calls ab followed by c, and ca."""

    def of(*texts: bytes) -> Dfa:
        return compile_grammar(Either(tuple(map(Text, texts))))

    joined = text_or_calls(of(b"a", b"ab", b"b", b"ba", b"c"), of(b"abc", b"ca"), of(b"ab", b"c"))
    assert joined.accepts(text.encode()) == (text in {"a", "b", "ba", "abc", "ca"})


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    pieces = [b'>{"', b'{"', b'"name', b'": "', b'{"name": "f', b'", "parameters": {', b'"x": 1',
              b'}}', b'}}; {"name"', b'}}\n</output>', b"name", b"parameters"]  # fmt: skip
    return Vocabulary([*mixed_tokens(), *pieces])


def demands() -> dict[str, tuple[AnswerConstraint, str]]:
    """Return constraints, each with what its texts match."""
    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"],
              "additionalProperties": False}  # fmt: skip
    free = r"(?s:(?!.*</?(?:thinking|reflection|output)>).*)"
    document = r'\{"name": ?"(?:[^"\\\x00-\x1f]|\\.)*"\}'
    kinds: dict[str, tuple[AnswerConstraint | None, str]] = {
        "free": (None, free),
        "schema": (AnswerConstraint.json_schema(schema), document),
        "regex": (AnswerConstraint.regex("[ab]{2,}\n?"), r"[ab]{2,}\n?"),
    }
    return {
        name: (AnswerConstraint.tool_call(TOOLS, parallel=True, auto=True, text=text), pattern)
        for name, (text, pattern) in kinds.items()
    }


@pytest.mark.parametrize("kind", ["free", "schema", "regex"])
def test_every_random_reply_is_a_whole_text_or_whole_calls(
    kind: str, vocabulary: Vocabulary
) -> None:
    constraint, pattern = demands()[kind]
    automaton = Automaton.build(ReplyFormat(), vocabulary, [STOP], answer=constraint.compile())
    masks, rng, draw = Masks(automaton), random.Random(7), np.random.default_rng(7)
    wishes = [[], [b'{"name": "f', b'"'], [b'{"name": "f', b"g", b'"'], [b'{"']]
    num_calls = num_texts = 0
    for number in range(600):
        matcher = Matcher(automaton, random_budget(rng, automaton, most=60), masks)
        wished = list(map(vocabulary.token_bytes.index, wishes[number % 4]))
        token_ids: list[int] = []
        while not matcher.is_terminated:
            token = int(draw.choice(np.flatnonzero(matcher.allowed())))
            if matcher.is_answering and wished:
                wish = wished.pop(0)
                token = wish if matcher.allows(wish) else token
            token_ids.append(token)
            assert matcher.accept(token)
        parser = ReplyParser(ReplyFormat(), vocabulary)
        deltas = parser.feed(token_ids)
        assert parser.status is Status.COMPLETE
        answer = "".join(delta.text for delta in deltas if delta.section is Section.OUTPUT)
        if re.match(HEAD, answer):
            num_calls += 1
            assert_calls(answer)
        else:
            num_texts += 1
            assert re.fullmatch(pattern, answer), answer
    assert min(num_calls, num_texts) > 20


def assert_calls(answer: str) -> None:
    """Read the calls as a reader of JSON does."""
    decoder = json.JSONDecoder()
    at = len(answer) - len(answer.lstrip())
    while at < len(answer):
        call, at = decoder.raw_decode(answer, at)
        assert set(call) - {"type"} == {"name", "parameters"}
        schema = PARAMETERS if call["name"] == "fg" else {"type": "object", "maxProperties": 0}
        jsonschema.validate(call["parameters"], schema)
        if at < len(answer):
            separator = re.compile("; ?(?=.)").match(answer, at)
            assert separator
            at = separator.end()
