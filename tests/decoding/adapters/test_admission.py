"""Admission: what a request asks for by extra_args, and the budget that it gets."""

from __future__ import annotations

import json
import logging
import random
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from decoding.adapters import admission
from decoding.adapters.admission import Admission
from decoding.answer import MAX_TEXT
from decoding.budget import Budget, BudgetError
from decoding.bundle import Bundle
from tests.decoding.adapters.conftest import MAX_MODEL_LEN, params
from tests.decoding.budgets import random_budget
from tests.tokenizer import make_model_folder


@pytest.fixture(scope="module")
def desk(vllm_config: SimpleNamespace) -> Admission:
    return Admission.load(vllm_config.model_config)


def asking(asked: Any, max_tokens: int | None = 100, **others: object) -> SimpleNamespace:
    return params(None, extra_args={"reflection": asked}, max_tokens=max_tokens, **others)


def settle(desk: Admission, wish: SimpleNamespace, num_prompt_tokens: int = 0) -> Budget | None:
    asked = admission.asked_of(wish)
    if asked is None:
        return None
    limits, answer = admission.split(asked)
    automaton = desk.automata.find(admission.constraint_of(answer))
    return desk.settle(limits, automaton, wish, num_prompt_tokens)


@pytest.mark.parametrize("asked", [True, 1, {}, "true", "{}", "1", {"max_tokens": None}])
def test_the_defaults_are_the_bundles_within_max_tokens(desk: Admission, asked: Any) -> None:
    budget = settle(desk, asking(asked))
    assert budget is not None
    assert budget.max_tokens == 100
    assert budget.max_thinking_tokens == desk.defaults.max_thinking_tokens
    assert budget.max_reflections == desk.defaults.max_reflections


@pytest.mark.parametrize("asked", [None, False, 0, "false", "0", "null"])
def test_nothing_is_enforced_without_a_wish(desk: Admission, asked: Any) -> None:
    wishes = [asking(asked, stop=["a"], min_tokens=3), params(None)]
    wishes.append(params(None, extra_args={"other": 1}))
    for wish in wishes:
        admission.check(wish)
        assert settle(desk, wish) is None
        assert desk.admit(wish, 5, "row 0") is None


def test_the_prompt_takes_its_part_of_the_context(desk: Admission) -> None:
    for max_tokens in (None, MAX_MODEL_LEN, 10**9):
        budget = settle(desk, asking(True, max_tokens), MAX_MODEL_LEN - 40)
        assert budget is not None
        assert budget.max_tokens == 40


def test_what_is_asked_for_is_kept_and_the_rest_filled_in(desk: Admission) -> None:
    asked = {"max_tokens": 60, "min_reflections": 2, "min_tokens": 20, "soft_tokens": 3}
    for form in (asked, json.dumps(asked)):
        budget = settle(desk, asking(form))
        assert budget is not None
        assert {name: getattr(budget, name) for name in asked} == asked
        assert budget.max_thinking_tokens == desk.defaults.max_thinking_tokens


def test_a_whole_budget_is_taken_as_it_is(desk: Admission) -> None:
    rng = random.Random(3)
    for _ in range(300):
        budget = random_budget(rng, desk.automaton, most=60)
        assert settle(desk, params(budget), 5) == budget
        assert settle(desk, params(budget, max_tokens=budget.max_tokens), 5) == budget


@pytest.mark.parametrize(
    ("asked", "max_tokens", "num_prompt_tokens"),
    [
        (True, 3, 0),
        (True, 100, MAX_MODEL_LEN - 3),
        (True, 100, MAX_MODEL_LEN + 3),
        ({"max_thinking_tokens": 0}, 100, 0),
        ({"min_reflections": 9}, 20, 0),
        ({"min_tokens": 90}, 100, MAX_MODEL_LEN - 50),
        ({"no_such_key": 1}, 100, 0),
        ("[", 100, 0),
        ({"answer": {"regex": "("}}, 100, 0),
    ],
)
def test_what_cannot_end_well_is_logged_and_gets_the_shortest_reply(
    desk: Admission,
    caplog: pytest.LogCaptureFixture,
    asked: Any,
    max_tokens: int,
    num_prompt_tokens: int,
) -> None:
    wish = asking(asked, max_tokens)
    with pytest.raises(ValueError, match=r"must|need|expected"):
        settle(desk, wish, num_prompt_tokens)
    admitted = desk.admit(wish, num_prompt_tokens, "row 7")
    assert admitted is not None
    assert admitted.automaton is desk.automaton
    assert admitted.budget.max_tokens == desk.automaton.least_tokens()
    admitted.budget.check(desk.automaton)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "row 7 gets the shortest reply" in caplog.text


def test_stop_ids_that_a_reply_may_hold_are_refused(desk: Admission) -> None:
    padding = desk.automaton.vocab_size - 1
    harmless = [*desk.automaton.stop_token_ids, padding, -1, 10**9]
    assert settle(desk, asking(True, stop_token_ids=harmless)) is not None
    with pytest.raises(ValueError, match="it would cut the reply"):
        settle(desk, asking(True, stop_token_ids=[*harmless, 65]))


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (7, "must be true, an object"),
        (["a"], "must be true, an object"),
        ("", "JSON text"),
        ("[" * 10**5, "JSON text"),
        ('"{}"', "must be true, an object"),
        (" " * (MAX_TEXT + 1), "at most"),
        ({"max_token": 3}, "not 'max_token'"),
        ({1: 2, "a": 3}, "not 1"),
        ({"x" * 10**6: 1}, "must have keys"),
        ({"max_tokens": 5.0}, "must be an integer"),
        ({"max_tokens": True}, "must be an integer"),
        ({"max_tokens": 101}, "must not be smaller"),
        ({"min_tokens": 101}, "min_tokens must be at most"),
        ({"min_reflections": 17}, "at most 16"),
        ({"answer": 3}, "must be an object"),
        ({"answer": " " * (MAX_TEXT + 1)}, "at most"),
    ],
)
def test_a_malformed_wish_is_refused_in_few_words(asked: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        admission.check(asking(asked))
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "others",
    [
        {"min_tokens": 2},
        {"ignore_eos": True},
        {"stop": ["a"]},
        {"structured_outputs": object()},
        {"thinking_token_budget": 0},
        {"repetition_detection": object()},
        {"trace_decode_token_ids": [1]},
    ],
)
def test_parameters_at_odds_are_refused_only_with_a_wish(others: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="cannot be used where the reply format is enforced"):
        admission.check(asking(True, **others))
    admission.check(asking(False, **others))


def test_a_front_end_that_knows_the_bundle_refuses_what_cannot_end_well(
    desk: Admission, vllm_config: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    least = desk.automaton.least_tokens()
    admission.check(asking(True, least - 1))
    monkeypatch.setenv("REFLECT_BUNDLE", vllm_config.model_config.model)
    admission.check(asking(True, least))
    with pytest.raises(BudgetError, match=f"must be at least {least}"):
        admission.check(asking(True, least - 1))
    with pytest.raises(ValueError, match="stop_token_ids"):
        admission.check(asking(True, stop_token_ids=[65]))


def test_a_front_end_with_a_wrong_bundle_is_the_servers_fault(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFLECT_BUNDLE", str(tmp_path))
    with pytest.raises(RuntimeError, match="REFLECT_BUNDLE"):
        admission.check(asking(True))


def test_the_front_end_knows_as_many_ids_as_the_worker(tmp_path: Path) -> None:
    folder = make_model_folder(tmp_path / "padded", tags_are_tokens=True).folder
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["vocab_size"] += 40
    (folder / "config.json").write_text(json.dumps(config))
    assert admission._admission_of(str(folder)).automaton.vocab_size == config["vocab_size"]


def test_the_keys_of_the_budget_and_of_the_answer_are_apart() -> None:
    asked = {"max_tokens": 3, "answer": {"regex": "a"}}
    assert admission.split(asked) == ({"max_tokens": 3}, {"regex": "a"})
    assert asked == {"max_tokens": 3, "answer": {"regex": "a"}}
    assert "answer" not in {field.name for field in fields(Budget)}


def test_the_defaults_come_from_the_served_folder(
    desk: Admission, vllm_config: SimpleNamespace
) -> None:
    assert desk.defaults == Bundle.load(vllm_config.model_config.model).budgets
    assert desk.max_model_len == MAX_MODEL_LEN
