"""A request becomes a definite plan, or is refused by the name of what is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from decoding.answer import AnswerConstraint
from decoding.bundle import Bundle
from decoding.matcher import Matcher
from server.answers import Answer
from server.errors import Forbidden, NotFound, RequestError
from server.keys.policy import Policy
from server.model import ServedModel
from server.plan import Plan, check_request, demand, make_plan
from server.protocol.chat import ChatCompletionRequest
from server.settings import Settings
from tests.tokenizer import make_model_folder

HELLO = {"role": "user", "content": "hello"}


def request(**fields: Any) -> ChatCompletionRequest:
    return ChatCompletionRequest.model_validate({"model": "tiny", "messages": [HELLO]} | fields)


def plan(model: ServedModel, **fields: Any) -> Plan:
    return make_plan(request(**fields), model, 4096)


def test_defaults_come_from_the_bundle(model: ServedModel) -> None:
    made = plan(model)
    (sampling,) = made.samplings
    assert (sampling.temperature, sampling.top_p, sampling.seed) == (0.7, 0.9, None)
    assert sampling.max_tokens == made.budget.max_tokens == 4096 - len(made.prompt_token_ids)
    assert made.budget.max_thinking_tokens == model.bundle.budgets.max_thinking_tokens
    assert made.stops == ()


def test_what_the_request_says_is_taken(model: ServedModel) -> None:
    made = plan(
        model,
        temperature=0,
        top_p=0.5,
        max_completion_tokens=200,
        stop="x",
        reflection={
            "max_thinking_tokens": 50,
            "min_reflections": 1,
            "max_reflections": 2,
            "min_answer_tokens": 30,
        },
    )
    assert (made.samplings[0].temperature, made.samplings[0].top_p) == (0, 0.5)
    assert made.budget.to_dict() == {
        "max_tokens": 200,
        "max_thinking_tokens": 50,
        "min_reflections": 1,
        "max_reflections": 2,
        "min_answer_tokens": 30,
        "min_tokens": 0,
        "soft_tokens": 12,
    }
    assert made.stops == ("x",)


def test_choices_have_seeds_of_their_own_and_the_same_again(model: ServedModel) -> None:
    seeds = [sampling.seed for sampling in plan(model, n=3, seed=5).samplings]
    assert seeds == [5, 6, 7]
    assert all(
        sampling.seed is not None and 0 <= sampling.seed < 2**63
        for seed in (-1, -(2**63), 2**63 - 1)
        for sampling in plan(model, n=2, seed=seed).samplings
    )


def test_an_effort_is_a_wish_that_fits_itself_in(model: ServedModel) -> None:
    assert plan(model, reasoning_effort="low").budget.max_thinking_tokens == 512
    none = plan(model, reasoning_effort="none").budget.max_thinking_tokens
    assert none == model.automaton.least_thinking_tokens(0)
    tight = plan(model, reasoning_effort="xhigh", max_tokens=100)
    assert tight.budget.max_tokens == 100


def test_explicit_thinking_tokens_go_before_the_effort(model: ServedModel) -> None:
    made = plan(model, reasoning_effort="low", reflection={"max_thinking_tokens": 33})
    assert made.budget.max_thinking_tokens == 33


@pytest.mark.parametrize(
    ("efforts", "effort", "num_tokens"),
    [
        ({"minimal": 24, "low": 40, "medium": 112, "high": 232}, "none", None),
        ({"minimal": 24, "low": 40, "medium": 112, "high": 232}, "xhigh", 232),
        ({"low": 100}, "high", 100),
        ({"low": 100, "high": 300}, "medium", 100),
        ({"low": 100, "high": 300}, "minimal", 100),
        ({"deep": 300}, "high", 50),
        ({}, "low", 50),
        ({}, "none", None),
    ],
)
def test_an_effort_that_the_bundle_lacks_is_the_nearest_it_has(
    efforts: dict[str, int], effort: str, num_tokens: int | None, model: ServedModel
) -> None:
    budgets = replace(model.bundle.budgets, max_thinking_tokens=50)
    bare = replace(model, bundle=replace(model.bundle, efforts=efforts, budgets=budgets))
    expected = num_tokens or model.automaton.least_thinking_tokens(0)
    made = plan(bare, reasoning_effort=effort)
    assert made.budget.max_thinking_tokens == expected


def test_top_p_0_is_the_most_likely_token_alone(model: ServedModel) -> None:
    assert 0 < plan(model, top_p=0).samplings[0].top_p < 1e-3


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_budget_that_cannot_end_well_names_the_field_and_the_least_value(
    name: str, model: ServedModel
) -> None:
    least = model.automaton.least_tokens(0)
    with pytest.raises(RequestError, match=f"at least {least}") as caught:
        plan(model, **{name: least - 1})
    assert (caught.value.param, caught.value.code) == (name, "budget_too_small")
    assert plan(model, **{name: least}).budget.max_tokens == least


def test_a_budget_of_the_extension_is_named_as_the_client_wrote_it(model: ServedModel) -> None:
    with pytest.raises(RequestError) as caught:
        plan(model, reflection={"min_reflections": 1, "max_thinking_tokens": 0})
    assert caught.value.param == "reflection.max_thinking_tokens"


@pytest.mark.parametrize(
    ("reflection", "param", "code"),
    [
        ({"min_reflections": 100_000}, "min_reflections", "invalid_value"),
        ({"min_answer_tokens": 2**30}, "min_answer_tokens", "invalid_value"),
        ({"min_reflections": 2, "max_reflections": 1}, "max_reflections", "budget_too_small"),
    ],
)
def test_a_value_that_is_too_large_is_not_called_too_small(
    reflection: dict[str, int], param: str, code: str, model: ServedModel
) -> None:
    with pytest.raises(RequestError) as caught:
        plan(model, reflection=reflection)
    assert (caught.value.param, caught.value.code) == (f"reflection.{param}", code)


def test_a_default_is_never_blamed_as_if_it_had_been_sent(model: ServedModel) -> None:
    budgets = replace(model.bundle.budgets, max_tokens=60)
    bare = replace(model, bundle=replace(model.bundle, budgets=budgets))
    with pytest.raises(RequestError, match="default max_tokens") as caught:
        plan(bare, reflection={"min_reflections": 16})
    assert caught.value.param == "reflection.min_reflections"
    assert caught.value.code == "invalid_value"


def test_messages_that_leave_no_room_are_refused(model: ServedModel) -> None:
    with pytest.raises(RequestError, match="shorten the messages") as caught:
        make_plan(request(messages=[HELLO | {"content": "7" * 100}]), model, 110)
    assert (caught.value.param, caught.value.code) == ("messages", "context_length_exceeded")


def test_a_demanded_answer_changes_the_budget_and_nothing_else(model: ServedModel) -> None:
    asked = request(structured_outputs={"regex": "[0-9]{60}"}, seed=1)
    masks = model.automata.find_masks(AnswerConstraint.regex("[0-9]{60}"))
    answer = Answer(AnswerConstraint.regex("[0-9]{60}"), masks, "structured_outputs")
    free = make_plan(asked, model, 4096)
    demanded = demand(free, answer, asked, model, 4096)
    assert demanded.answer is answer
    assert demanded.samplings[0].max_tokens == demanded.budget.max_tokens
    assert replace(demanded, answer=None, budget=free.budget, samplings=free.samplings) == free
    room = len(free.prompt_token_ids) + masks.automaton.least_tokens() - 1
    with pytest.raises(RequestError, match="permit a shorter answer"):
        demand(make_plan(asked, model, room), answer, asked, model, room)


def test_several_text_parts_stand_on_lines_of_their_own(model: ServedModel) -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    whole = plan(model, messages=[HELLO | {"content": "a\nb"}])
    assert plan(model, messages=[HELLO | {"content": parts}]) == whole


def test_a_developer_speaks_as_the_system(model: ServedModel) -> None:
    developer, system = (
        plan(model, messages=[{"role": role, "content": "Be brief."}, HELLO])
        for role in ("developer", "system")
    )
    assert developer == system


def test_earlier_reasoning_is_not_part_of_the_prompt(model: ServedModel) -> None:
    answer = {"role": "assistant", "content": "7", "refusal": None, "tool_calls": None}
    bare = plan(model, messages=[HELLO, answer, HELLO])
    assert plan(model, messages=[HELLO, answer | {"reasoning": "secret"}, HELLO]) == bare


@pytest.mark.parametrize(
    ("fields", "kind", "param"),
    [
        ({"model": "gpt-4o"}, NotFound, "model"),
        ({"include_reasoning": True}, Forbidden, "include_reasoning"),
        ({"n": 9}, RequestError, "n"),
        ({"messages": [HELLO] * 6}, RequestError, "messages"),
        ({"messages": [HELLO, HELLO | {"role": "assistant"}]}, RequestError, "messages"),
    ],
)
def test_what_this_server_does_not_serve_is_refused(
    fields: dict[str, Any], kind: type[RequestError], param: str, model: ServedModel
) -> None:
    with pytest.raises(kind) as caught:
        check_request(request(**fields), model, Settings(max_messages=5), Policy())
    assert caught.value.param == param


def test_reasoning_is_shown_only_where_policy_and_request_agree(model: ServedModel) -> None:
    check_request(
        request(include_reasoning=True), model, Settings(), Policy(may_see_reasoning=True)
    )
    check_request(request(include_reasoning=False), model, Settings(), Policy())
    assert plan(model, include_reasoning=True).shows_reasoning
    assert not plan(model).shows_reasoning


def test_without_effort_an_optional_thought_and_its_prefix_are_left_out(tmp_path: Path) -> None:
    bundle = make_model_folder(tmp_path, reply_prefix="<thinking>\n")
    replace(bundle, format=replace(bundle.format, is_thinking_optional=True)).save()
    model = ServedModel.load(Bundle.load(tmp_path))
    thinks, skips = plan(model), plan(model, reasoning_effort="none")
    prefix = model.prompter.encode("<thinking>\n")
    assert thinks.prompt_token_ids == (*skips.prompt_token_ids, *prefix)
    assert skips.budget.max_thinking_tokens == 0

    reply = model.prompter.encode("<output>Yes.</output>")
    matcher, parser = Matcher(model.automaton, skips.budget), model.parser(skips.budget)
    assert not matcher.allows(model.prompter.encode("a")[0])
    assert all(matcher.accept(token_id) for token_id in reply)
    assert [delta.text for delta in parser.feed(reply)] == ["Yes."]
    thought = plan(model, reasoning_effort="none", reflection={"min_reflections": 1})
    assert thought.budget.max_thinking_tokens > 0
    assert thought.prompt_token_ids == thinks.prompt_token_ids
