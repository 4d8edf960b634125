"""Constrained replies of the real vLLM on random weights: every answer is what was demanded.

As in test_enforced_replies: weights that were never trained, Llama 3's vocabulary, temperatures of
1 to 2, and token limits from the least that is accepted up, all constraints in one batch.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jsonschema
import pytest

from decoding.answer import AnswerConstraint
from decoding.automata import Automata
from decoding.budget import Budget
from decoding.bundle import Bundle
from decoding.vocabulary import Vocabulary
from server.engines.engine import Engine, Sampling
from tests.conftest import MAX_NUM_SEQS

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

NUM_REQUESTS = 200
PROMPT = [128000, 1985, 374, 264, 1296, 13]
REPLY = re.compile(r"<thinking>.*</thinking>\s*<output>\n?(.*?)\n?</output>", re.DOTALL)
PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "tags": {"type": "array", "items": {"enum": ["a", "b", 1, None]}, "minItems": 1},
        "score": {"anyOf": [{"type": "number"}, {"type": "null"}]},
    },
    "required": ["name", "age", "tags", "score"],
    "additionalProperties": False,
}
TREE: dict[str, Any] = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "value": {"type": "string", "maxLength": 5},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["value", "children"],
            "additionalProperties": False,
        }
    },
}
Judge = Callable[[str], bool]


def follows(schema: Any) -> Judge:
    validator = jsonschema.Draft202012Validator(schema)
    return lambda text: validator.is_valid(json.loads(text))


def matches(pattern: str) -> Judge:
    return lambda text: re.fullmatch(pattern, text) is not None


TOOLS: list[dict[str, Any]] = [
    {"name": "keep", "parameters": PERSON},
    {"name": "now"},
    {"name": "plant", "parameters": TREE},
]
NO_PARAMETERS = {"type": "object", "maxProperties": 0}


def calls(at_most: int | None, otherwise: Judge) -> Judge:
    """Judge the calls of TOOLS, where the answer begins like one, and what it is otherwise."""
    schemas = {tool["name"]: tool.get("parameters", NO_PARAMETERS) for tool in TOOLS}
    names = "|".join(schemas)
    head = re.compile(rf'\s*\{{\s*("type"\s*:\s*"function"\s*,\s*)?"name"\s*:\s*"({names})"')

    def judge(text: str) -> bool:
        if not head.match(text):
            return otherwise(text)
        found, at = [], len(text) - len(text.lstrip())
        while at < len(text):
            call, at = json.JSONDecoder().raw_decode(text, at)
            found.append(follows(schemas[call["name"]])(json.dumps(call["parameters"])))
            at += len(separator[0]) if (separator := re.match("; ?(?=.)", text[at:])) else 0
        return all(found) and len(found) <= (at_most or len(found))

    return judge


def called(text: AnswerConstraint | None = None, **how: bool) -> AnswerConstraint:
    return AnswerConstraint.tool_call(TOOLS, text=text, **how)


YES = AnswerConstraint.choice(["yes", "no"])
DEMANDS: list[tuple[AnswerConstraint, Judge]] = [
    (AnswerConstraint.json_schema(PERSON), follows(PERSON)),
    (AnswerConstraint.json_schema(TREE), follows(TREE)),
    (AnswerConstraint.json_object(), follows({"type": "object"})),
    (AnswerConstraint.regex("[0-9]{4}-[0-9]{2}-[0-9]{2}"), matches(r"\d{4}-\d\d-\d\d")),
    (AnswerConstraint.regex("(?:[a-z]+ ){2,}end"), matches(r"([a-z]+ ){2,}end")),
    (AnswerConstraint.choice(["yes", "no", "</thinking>"]), matches("yes|no|</thinking>")),
    (called(), calls(1, matches("(?!)"))),
    (called(parallel=True), calls(None, matches("(?!)"))),
    (called(auto=True, parallel=True), calls(None, matches(r"(?s:.*\S.*)"))),
    (called(auto=True, text=YES), calls(1, matches("yes|no"))),
]


@dataclass(frozen=True)
class Written:
    """A reply as it came from the engine, with what was demanded of its answer."""

    constraint: AnswerConstraint
    judge: Judge
    budget: Budget
    token_ids: tuple[int, ...]
    finish_reason: str | None


@pytest.fixture(scope="module")
def vocabulary(random_bundle: Bundle) -> Vocabulary:
    return Vocabulary.load(random_bundle.folder)


@pytest.fixture(scope="module")
def automata(random_bundle: Bundle, vocabulary: Vocabulary) -> Automata:
    return Automata(random_bundle.format, vocabulary, random_bundle.stop_token_ids)


def faults(reply: Written, bundle: Bundle, vocabulary: Vocabulary) -> list[str]:
    """Judge a reply: what is wrong with it, nothing if its answer is what was demanded."""
    found = REPLY.fullmatch(vocabulary.decode(reply.token_ids).decode())
    checks = {
        "is not well-formed": found is not None,
        "was not stopped": reply.finish_reason == "stop",
        "does not end with EOS": reply.token_ids[-1] in bundle.stop_token_ids,
        "is longer than max_tokens": len(reply.token_ids) <= reply.budget.max_tokens,
        "is not what was demanded": found is not None and reply.judge(found[1]),
    }
    return [f"{reply.constraint} {fault}" for fault, is_kept in checks.items() if not is_kept]


async def test_every_answer_is_what_was_demanded_of_it(
    engine: Engine,
    automata: Automata,
    vocabulary: Vocabulary,
    random_bundle: Bundle,
    figures: list[str],
) -> None:
    rng = random.Random(21)
    room = asyncio.Semaphore(MAX_NUM_SEQS)
    written: list[Written] = []

    async def request(number: int) -> None:
        constraint, judge = DEMANDS[number % len(DEMANDS)]
        num_reflections = rng.choice([0, 0, 1])
        least = automata.find(constraint).least_tokens(num_reflections)
        budget = Budget(
            least + rng.choice([0, 1, 5, 60]), max_thinking_tokens=40,
            min_reflections=num_reflections,
        )  # fmt: skip
        sampling = Sampling(budget.max_tokens, rng.uniform(1, 2))
        token_ids: list[int] = []
        reason = None
        async with room:
            stream = engine.generate(f"demand-{number}", PROMPT, sampling, budget, constraint)
            async for delta in stream:
                token_ids += delta.token_ids
                reason = delta.finish_reason or reason
        written.append(Written(constraint, judge, budget, tuple(token_ids), reason))

    await asyncio.gather(*(request(number) for number in range(NUM_REQUESTS)))
    judged = [faults(reply, random_bundle, vocabulary) for reply in written]
    figures.append(f"constrained: {judged.count([])} of {len(written)} answers are as demanded")
    assert [fault for found in judged for fault in found] == []
    assert len(written) == NUM_REQUESTS
