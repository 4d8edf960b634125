"""A key's limits refuse what is asked for beyond them, and lower what nobody asked for."""

from __future__ import annotations

from typing import Any

import pytest

from server.errors import Forbidden, NotFound
from server.keys.allowance import effort_tokens
from server.keys.policy import EFFORTS, Policy
from server.model import ServedModel
from server.plan import Plan, check_request, make_plan
from server.protocol.chat import ChatCompletionRequest
from server.settings import Settings

HELLO = {"role": "user", "content": "hello"}


def plan(model: ServedModel, policy: Policy, **fields: Any) -> Plan:
    asked = ChatCompletionRequest.model_validate({"model": "tiny", "messages": [HELLO]} | fields)
    check_request(asked, model, Settings(), policy)
    return make_plan(asked, model, 4096, policy)


@pytest.mark.parametrize(
    ("policy", "fields", "param", "limit"),
    [
        (Policy(max_effort="low"), {"reasoning_effort": "medium"}, "reasoning_effort", "low"),
        (Policy(max_tokens=50), {"max_tokens": 51}, "max_tokens", "50"),
        (Policy(max_tokens=50), {"max_completion_tokens": 51}, "max_completion_tokens", "50"),
        (
            Policy(max_thinking_tokens=9),
            {"reflection": {"max_thinking_tokens": 10}},
            "reflection.max_thinking_tokens",
            "9",
        ),
        (
            Policy(max_effort="none"),
            {"reflection": {"max_thinking_tokens": 1}},
            "reflection.max_thinking_tokens",
            "0",
        ),
    ],
)
def test_more_than_the_limit_is_refused_with_the_limit(
    policy: Policy, fields: dict, param: str, limit: str, model: ServedModel
) -> None:
    with pytest.raises(Forbidden, match=f"at most {limit}") as refusal:
        plan(model, policy, **fields)
    assert refusal.value.param == param


def test_reflections_cannot_be_asked_for_beyond_the_thinking_that_is_allowed(
    model: ServedModel,
) -> None:
    for policy in (Policy(max_effort="none"), Policy(max_thinking_tokens=9)):
        with pytest.raises(Forbidden, match="at most") as refusal:
            plan(model, policy, reflection={"min_reflections": 8})
        assert refusal.value.param == "reflection.min_reflections"
        plan(model, policy, reflection={"min_reflections": 0})
    enough = plan(model, Policy(max_effort="low"), reflection={"min_reflections": 8})
    assert enough.budget.min_reflections == 8


def test_the_limit_itself_may_be_asked_for(model: ServedModel) -> None:
    made = plan(
        model,
        Policy(max_effort="low", max_thinking_tokens=9, max_tokens=50),
        reasoning_effort="low",
        max_tokens=50,
        reflection={"max_thinking_tokens": 9},
    )
    assert (made.budget.max_tokens, made.budget.max_thinking_tokens) == (50, 9)


def test_defaults_are_lowered_to_the_limit(model: ServedModel) -> None:
    policy = Policy(max_tokens=300, max_thinking_tokens=20)
    budget = plan(model, policy).budget
    assert (budget.max_tokens, budget.max_thinking_tokens) == (300, 20)
    usual = plan(model, Policy()).budget
    assert usual.max_tokens > 300
    assert usual.max_thinking_tokens > 20


def test_the_highest_effort_limits_those_who_ask_for_none(model: ServedModel) -> None:
    low = effort_tokens("low", model.bundle)
    assert low is not None
    assert plan(model, Policy(max_effort="low")).budget.max_thinking_tokens == low
    assert plan(model, Policy(max_effort="none")).budget.max_thinking_tokens < low


@pytest.mark.parametrize("effort", EFFORTS)
def test_an_effort_is_lowered_to_the_thinking_that_the_key_may_do(
    effort: str, model: ServedModel
) -> None:
    policy = Policy(max_thinking_tokens=30)
    thinking = plan(model, policy, reasoning_effort=effort).budget.max_thinking_tokens
    free = plan(model, Policy(), reasoning_effort=effort).budget.max_thinking_tokens
    assert thinking == min(free, 30)


def test_limits_too_small_for_any_reply_are_named(model: ServedModel) -> None:
    with pytest.raises(Forbidden, match="The 2 tokens that this API key allows"):
        plan(model, Policy(max_tokens=2))


def test_a_model_that_is_not_the_keys_does_not_exist_for_it(model: ServedModel) -> None:
    with pytest.raises(NotFound) as refusal:
        plan(model, Policy(models=frozenset({"other"})))
    assert refusal.value.code == "model_not_found"
    assert "tiny" not in refusal.value.message
    assert plan(model, Policy(models=frozenset({"tiny", "other"}))).prompt_token_ids
