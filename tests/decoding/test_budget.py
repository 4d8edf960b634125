"""Budgets: what cannot end well is refused with the least value that would do."""

from __future__ import annotations

from typing import Any

import pytest

from decoding.automaton import Automaton
from decoding.budget import Budget, BudgetError
from decoding.bundle import BudgetDefaults
from decoding.format import ReplyFormat
from decoding.vocabulary import Vocabulary
from tests.decoding.conftest import STOP

DEFAULTS = BudgetDefaults(
    max_thinking_tokens=100, max_reflections=4, min_answer_tokens=20, max_tokens=200
)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": 5.0}, "max_tokens"),
        ({"max_tokens": 1 << 30}, "max_tokens"),
        ({"max_thinking_tokens": -1}, "max_thinking_tokens"),
        ({"min_reflections": 17, "max_reflections": 17}, "min_reflections"),
        ({"min_reflections": 3, "max_reflections": 2}, "max_reflections"),
        ({"min_answer_tokens": 0}, "min_answer_tokens"),
    ],
)
def test_values_that_no_automaton_serves_are_refused_by_field(
    values: dict[str, Any], field: str
) -> None:
    with pytest.raises(BudgetError) as caught:
        Budget(**({"max_tokens": 100, "max_thinking_tokens": 50} | values))
    assert caught.value.field == field
    assert field in str(caught.value)


def test_json_form_round_trips_and_refuses_other_keys() -> None:
    budget = Budget(100, 50, 1, 3, 7)
    assert Budget.from_dict(budget.to_dict()) == budget
    with pytest.raises(BudgetError) as caught:
        Budget.from_dict(budget.to_dict() | {"max_thoughts": 3})
    assert caught.value.field == "max_thoughts"


@pytest.mark.parametrize("room", [4, 5, 23, 24, 25, 60, 200, 10_000])
@pytest.mark.parametrize("max_tokens", [None, 4, 5, 60, 500])
def test_defaults_shrink_until_the_reply_fits(
    automaton: Automaton, room: int, max_tokens: int | None
) -> None:
    budget = Budget.for_request(automaton, DEFAULTS, room=room, max_tokens=max_tokens)
    budget.check(automaton)
    assert budget.max_tokens == min(room, max_tokens or DEFAULTS.max_tokens)
    assert budget.min_answer_tokens <= DEFAULTS.min_answer_tokens


@pytest.mark.parametrize(
    ("asked", "field", "least"),
    [
        ({"max_tokens": 3}, "max_tokens", 4),
        ({"max_tokens": 5, "min_reflections": 2}, "max_tokens", 6),
        ({"max_tokens": 8, "min_answer_tokens": 6}, "max_tokens", 9),
        ({"max_thinking_tokens": 1, "min_reflections": 1}, "max_thinking_tokens", 2),
        ({"max_thinking_tokens": 0}, "max_thinking_tokens", 1),
    ],
)
def test_what_is_asked_for_is_refused_with_the_least_value(
    automaton: Automaton, asked: dict[str, int], field: str, least: int
) -> None:
    with pytest.raises(BudgetError) as caught:
        Budget.for_request(automaton, DEFAULTS, room=1000, **asked)
    assert (caught.value.field, caught.value.least) == (field, least)
    Budget.for_request(automaton, DEFAULTS, room=1000, **(asked | {field: least}))


def test_a_prompt_that_leaves_no_room_is_blamed(automaton: Automaton) -> None:
    for room in (3, 0, -7):
        with pytest.raises(BudgetError, match="shorten the messages") as caught:
            Budget.for_request(automaton, DEFAULTS, room=room, max_tokens=100)
        assert caught.value.field == "messages"


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"min_answer_tokens": 5000}, "min_answer_tokens"),
        ({"min_reflections": 16}, "min_reflections"),
        ({"min_reflections": 16, "min_answer_tokens": 1}, "min_reflections"),
        ({"min_reflections": 2, "min_answer_tokens": 40}, "min_answer_tokens"),
    ],
)
def test_what_is_asked_for_is_blamed_where_the_context_has_room_without_it(
    automaton: Automaton, asked: dict[str, int], field: str
) -> None:
    with pytest.raises(BudgetError, match=f"{field} is too large") as caught:
        Budget.for_request(automaton, DEFAULTS, room=12, **asked)
    assert caught.value.field == field
    assert caught.value.most is not None


def test_caps_beyond_every_context_are_caps_all_the_same(automaton: Automaton) -> None:
    budget = Budget.for_request(
        automaton, DEFAULTS, room=1000, max_tokens=2**31, max_thinking_tokens=2**31
    )
    assert budget.max_tokens == 1000


def test_an_effort_is_a_wish_that_grows_to_what_the_format_needs(automaton: Automaton) -> None:
    for effort, min_reflections, expected in [(0, 0, 1), (0, 3, 4), (64, 0, 64)]:
        budget = Budget.for_request(
            automaton, DEFAULTS, room=1000, effort=effort, min_reflections=min_reflections
        )
        assert budget.max_thinking_tokens == expected


def test_asking_for_no_reflections_lowers_a_default_minimum(automaton: Automaton) -> None:
    defaults = BudgetDefaults(min_reflections=2, max_reflections=4)
    budget = Budget.for_request(automaton, defaults, room=1000, max_reflections=0)
    assert (budget.min_reflections, budget.max_reflections) == (0, 0)
    budget = Budget.for_request(automaton, defaults, room=1000, min_reflections=6)
    assert (budget.min_reflections, budget.max_reflections) == (6, 6)


def test_an_optional_thought_that_is_skipped_needs_no_room_for_its_prefix(
    vocabulary: Vocabulary,
) -> None:
    format = ReplyFormat(is_thinking_optional=True)
    automaton = Automaton.build(format, vocabulary, [STOP], "<thinking>\n")
    bare = int(automaton.finish[0, automaton.bare_start])
    for room in (bare, bare + 1, 60):
        budget = Budget.for_request(automaton, DEFAULTS, room=room, effort=0)
        assert budget.skips_thinking(format)
        assert budget.max_tokens == room
    with pytest.raises(BudgetError) as caught:
        Budget.for_request(automaton, DEFAULTS, room=bare - 1, effort=0)
    assert (caught.value.field, caught.value.least) == ("messages", bare)
