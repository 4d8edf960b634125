"""Answers under a constraint, over a real socket: what is demanded reaches the engine and back."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from typing import Any, cast

import httpx
import pytest

from decoding.answer import AnswerConstraint
from decoding.automata import Automata
from decoding.bundle import Bundle
from decoding.masks import Masks
from server.model import ServedModel
from tests.live import LiveServer

URL = "/v1/chat/completions"
HELLO = {"role": "user", "content": "How many apples?"}
SCHEMA = {
    "type": "object",
    "properties": {"count": {"type": "integer"}, "name": {"type": "string"}},
    "required": ["count", "name"],
    "additionalProperties": False,
}
JSON_SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
ANSWER = '{"count": 7, "name": "<b>\\u00e4 </thinking>"}'


def post(server: LiveServer, **fields: Any) -> httpx.Response:
    with server.client() as client:
        return client.post(URL, json={"model": "tiny", "messages": [HELLO]} | fields)


def content(answer: httpx.Response) -> str:
    if not answer.headers["content-type"].startswith("text/event-stream"):
        return str(answer.json()["choices"][0]["message"]["content"])
    data = [line[6:] for line in answer.text.split("\n") if line.startswith("data: {")]
    deltas = [json.loads(each)["choices"][0]["delta"] for each in data]
    return "".join(delta.get("content") or "" for delta in deltas)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("fields", "constraint", "answer"),
    [
        ({"response_format": JSON_SCHEMA}, AnswerConstraint.json_schema(SCHEMA), ANSWER),
        (
            {"response_format": {"type": "json_object"}},
            AnswerConstraint.json_object(),
            '{"a":[1,{"b": null}]}',
        ),
        (
            {"structured_outputs": {"json": SCHEMA}},
            AnswerConstraint.json_schema(SCHEMA),
            ANSWER,
        ),
        (
            {"structured_outputs": {"json": json.dumps(SCHEMA)}},
            AnswerConstraint.json_schema(SCHEMA),
            ANSWER,
        ),
        ({"structured_outputs": {"json_object": True}}, AnswerConstraint.json_object(), "{}"),
        (
            {"structured_outputs": {"regex": "[0-9]{2}\n?"}},
            AnswerConstraint.regex("[0-9]{2}\n?"),
            "42\n",
        ),
        (
            {
                "structured_outputs": {"choice": ["yes", "no"]},
                "response_format": {"type": "text"},
            },
            AnswerConstraint.choice(["yes", "no"]),
            "no",
        ),
    ],
)
def test_the_answer_is_exactly_what_was_demanded(
    fields: dict[str, Any],
    constraint: AnswerConstraint,
    answer: str,
    stream: bool,
    server: LiveServer,
) -> None:
    server.say(answer)
    got = post(server, stream=stream, **fields)
    assert got.status_code == 200, got.text
    assert content(got) == answer
    (call,) = server.engine.calls
    assert call.constraint == constraint
    assert call.budget is not None


def test_without_a_demand_the_engine_is_asked_for_any_text(server: LiveServer) -> None:
    post(server, response_format={"type": "text"})
    assert server.engine.calls[-1].constraint is None


def test_every_choice_is_asked_for_with_the_constraint(server: LiveServer) -> None:
    server.say("no")
    got = post(server, n=3, structured_outputs={"choice": ["yes", "no"]})
    assert [choice["message"]["content"] for choice in got.json()["choices"]] == ["no"] * 3
    assert len({call.constraint for call in server.engine.calls}) == 1
    assert len(server.engine.calls) == 3


def test_thinking_stays_hidden_and_counted(server: LiveServer) -> None:
    server.say("no", "planted")
    got = post(server, structured_outputs={"choice": ["yes", "no"]})
    assert "planted" not in got.text
    assert got.json()["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0


def test_the_least_max_tokens_is_that_of_the_constraint(
    server: LiveServer, model: ServedModel
) -> None:
    demand = {"structured_outputs": {"regex": "[0-9]{60}"}}
    refused = post(server, max_completion_tokens=20, **demand)
    assert refused.status_code == 400
    error = refused.json()["error"]
    assert (error["param"], error["code"]) == ("max_completion_tokens", "budget_too_small")
    found = re.search(r"at least (\d+)", error["message"])
    assert found
    least = model.automata.find(AnswerConstraint.regex("[0-9]{60}")).least_tokens()
    assert int(found[1]) == least
    server.say("0" * 60)
    assert post(server, max_completion_tokens=least, **demand).status_code == 200


def test_a_constraint_longer_than_the_context_is_blamed_itself(
    make_server: Callable[..., LiveServer],
) -> None:
    server = make_server()
    server.engine.max_model_len = 128
    refused = post(server, structured_outputs={"regex": "[0-9]{150}"})
    error = refused.json()["error"]
    assert (refused.status_code, error["param"]) == (400, "structured_outputs")
    assert "permit a shorter answer" in error["message"]


@pytest.mark.parametrize(
    ("fields", "param", "named"),
    [
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {
                        "name": "n",
                        "schema": {
                            "type": "object",
                            "properties": {"a": {"type": "strange"}},
                            "required": ["a"],
                        },
                    },
                }
            },
            "response_format",
            "/properties/a",
        ),
        ({"structured_outputs": {"regex": r"(a)\1"}}, "structured_outputs", ""),
        ({"structured_outputs": {"grammar": "root ::= 1"}}, "structured_outputs.grammar", "json"),
        ({"guided_json": {}}, "guided_json", "structured_outputs.json"),
        (
            {"response_format": {"type": "json_object"}, "structured_outputs": {"regex": "a"}},
            "structured_outputs",
            "only one",
        ),
    ],
)
def test_what_cannot_be_demanded_is_named(
    fields: dict[str, Any], param: str, named: str, server: LiveServer
) -> None:
    refused = post(server, **fields)
    error = refused.json()["error"]
    assert (refused.status_code, error["param"]) == (400, param)
    assert named in error["message"]
    assert server.engine.calls == []


def test_hostile_constraints_are_refused_in_good_time(server: LiveServer) -> None:
    large = {"enum": ["x" * 1000 + str(k) for k in range(3000)]}
    for fields in (
        {"structured_outputs": {"json": large}},
        {"structured_outputs": {"regex": "(a|b)*a(a|b){30}"}},
        {"structured_outputs": {"regex": "(" * 5000}},
        {"structured_outputs": {"choice": ["x"] * 20_000}},
    ):
        assert post(server, **fields).status_code == 400


def test_an_automaton_made_for_the_server_is_there_for_the_engine(
    bundle: Bundle, model: ServedModel
) -> None:
    constraint = AnswerConstraint.choice(["made", "once"])
    model.automata.find(constraint)
    other = ServedModel.load(bundle)
    assert other.automata.find(constraint).is_constrained
    assert other.automata._head is None


class Watched:
    """Automata of a model that note what is compiled, and compile once they are let to."""

    def __init__(self, automata: Automata) -> None:
        self._automata = automata
        self.compiled: list[AnswerConstraint] = []
        self.is_open = threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._automata, name)

    def find_masks(self, constraint: AnswerConstraint) -> Masks:
        self.compiled.append(constraint)
        assert self.is_open.wait(30)
        return self._automata.find_masks(constraint)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"max_tokens": 1}, "max_tokens"),
        ({"messages": [HELLO | {"content": "7" * 5000}]}, "messages"),
        ({"reflection": {"max_thinking_tokens": 0}}, "reflection.max_thinking_tokens"),
    ],
)
def test_a_request_that_no_answer_could_fit_compiles_nothing(
    fields: dict[str, Any],
    param: str,
    model: ServedModel,
    make_server: Callable[..., LiveServer],
) -> None:
    watched = Watched(model.automata)
    server = make_server()
    server.service.answers._automata = cast("Automata", watched)
    refused = post(server, **fields, structured_outputs={"choice": ["hopeless"]})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, param)
    assert watched.compiled == []


def test_who_leaves_while_a_constraint_is_compiled_is_not_waited_for(
    model: ServedModel, make_server: Callable[..., LiveServer]
) -> None:
    watched = Watched(model.automata)
    server = make_server()
    server.service.answers._automata = cast("Automata", watched)
    demand = {"structured_outputs": {"choice": ["abandoned"]}}
    with server.client() as client:
        with pytest.raises(httpx.ReadTimeout):
            client.post(URL, json={"model": "tiny", "messages": [HELLO]} | demand, timeout=0.3)
        server.wait_until(
            lambda: 'outcome="disconnected"' in client.get("/metrics").text, timeout_s=10
        )
    assert len(watched.compiled) == 1
    assert server.engine.calls == []
    watched.is_open.set()
