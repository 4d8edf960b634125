"""Rows that grow, change places and are taken back stand where a fresh matcher would."""

from __future__ import annotations

import logging
import random

import numpy as np
import pytest

from decoding.adapters import reply_rows
from decoding.adapters.reply_rows import Place, ReplyRows
from decoding.automaton import Automaton
from decoding.budget import Budget
from decoding.masks import Masks
from decoding.matcher import Matcher
from tests.decoding.budgets import random_budget

PROMPT = (7, 7, 5)
BUDGET = Budget(max_tokens=80, max_thinking_tokens=40)


def matrix(replies: list[list[int]], prompt: tuple[int, ...] = PROMPT) -> np.ndarray:
    return np.array([[*prompt, *reply] for reply in replies], np.int64).reshape(len(replies), -1)


def expect_fresh(
    places: list[Place], budgets: list[Budget], replies: list[list[int]], automaton: Automaton
) -> None:
    """Compare with a matcher a row; what follows a stop token is padding."""
    masks = Masks(automaton)
    for place, budget, reply in zip(places, budgets, replies, strict=True):
        matcher = Matcher(automaton, budget, masks)
        for token_id in reply:
            assert matcher.is_terminated or matcher.accept(token_id)
        assert np.array_equal(place.mask.tokens, matcher.allowed())


class Generation:
    """A search over replies as generate does it: random legal tokens, rows that change places."""

    def __init__(self, automaton: Automaton, seed: int, num_budgets: int, width: int) -> None:
        self.automaton, self.rng, self.width = automaton, random.Random(seed), width
        budgets = tuple(random_budget(self.rng, automaton, 40) for _ in range(num_budgets))
        self.rows = ReplyRows(automaton, budgets, None)
        self.budgets = [budget for budget in budgets for _ in range(width)]
        self.replies: list[list[int]] = [[] for _ in self.budgets]

    def follow(self) -> list[Place]:
        places = self.rows.follow(matrix(self.replies))
        expect_fresh(places, self.budgets, self.replies, self.automaton)
        return places

    def grow(self, places: list[Place]) -> None:
        for place, reply in zip(places, self.replies, strict=True):
            is_over = bool(set(reply) & set(self.automaton.stop_token_ids))
            legal = np.flatnonzero(place.mask.tokens).tolist()
            reply.append(3 if is_over else self.rng.choice(legal))

    def reorder(self) -> None:
        """Let each row go on from any row of its prompt, as a beam does."""
        first = [row - row % self.width for row in range(len(self.replies))]
        chosen = [self.rng.randrange(start, start + self.width) for start in first]
        self.replies = [list(self.replies[row]) for row in chosen]


@pytest.mark.parametrize(("num_budgets", "width"), [(1, 1), (3, 1), (1, 4), (3, 4)])
def test_rows_that_change_places_keep_the_cursor_of_their_tokens(
    automaton: Automaton, num_budgets: int, width: int
) -> None:
    generation = Generation(automaton, 3, num_budgets, width)
    for step in range(60):
        generation.grow(generation.follow())
        if step % 2:
            generation.reorder()


def way_out(automaton: Automaton, budget: Budget) -> list[int]:
    """Return the shortest reply."""
    matcher = Matcher(automaton, budget)
    token_ids: list[int] = []
    while not matcher.is_terminated:
        token_ids.append(matcher.mask.shortest)
        assert matcher.accept(token_ids[-1])
    return token_ids


def test_the_same_tokens_under_two_budgets_are_two_cursors(automaton: Automaton) -> None:
    least = automaton.least_tokens()
    tight, wide = Budget(least + 1, 40), Budget(least + 40, 40)
    rows = ReplyRows(automaton, (tight, wide), None)
    first, second = (begun(automaton, tight, position) for position in (0, 1))
    for length in (0, 1, 2):
        rows.follow(matrix([first[:length], second[:length]] * 2))
    replies = [second, first] * 2  # beams that changed places, alike under both budgets
    expect_fresh(rows.follow(matrix(replies)), [tight] * 2 + [wide] * 2, replies, automaton)


def begun(automaton: Automaton, budget: Budget, position: int) -> list[int]:
    """Return three tokens of a reply, the second of them by its position among the legal."""
    matcher = Matcher(automaton, budget)
    token_ids = [matcher.mask.shortest]
    assert matcher.accept(token_ids[0])
    token_ids.append(int(np.flatnonzero(matcher.allowed())[position]))
    assert matcher.accept(token_ids[1])
    return [*token_ids, matcher.mask.shortest]


@pytest.mark.parametrize("max_rewind", [2, 256])
@pytest.mark.parametrize("width", [1, 3])
def test_drafts_that_are_taken_back_leave_nothing(
    automaton: Automaton, monkeypatch: pytest.MonkeyPatch, max_rewind: int, width: int
) -> None:
    monkeypatch.setattr(reply_rows, "MAX_REWIND", max_rewind)
    generation = Generation(automaton, 4, 1, width)
    for step in range(60):
        generation.grow(generation.follow())
        if step % 5 == 1:
            generation.reorder()
        if step % 4 == 3:
            generation.replies = [reply[:-3] for reply in generation.replies]


def test_another_prompt_begins_another_generation(automaton: Automaton) -> None:
    rows = ReplyRows(automaton, (BUDGET,), None)
    reply = way_out(automaton, BUDGET)
    for length in range(len(reply) + 1):
        rows.follow(matrix([reply[:length]]))
    following = (*PROMPT, *reply, 9, 9)
    for prompt in (PROMPT, PROMPT[:1], (1, 2), following, (4,) * (len(following) + 2)):
        expect_fresh(rows.follow(matrix([[]], prompt)), [BUDGET], [[]], automaton)
        expect_fresh(rows.follow(matrix([reply[:1]], prompt)), [BUDGET], [reply[:1]], automaton)
    expect_fresh(rows.follow(matrix([[], []])), [BUDGET] * 2, [[], []], automaton)


def test_a_prompt_of_other_tokens_is_no_reply_to_the_last(automaton: Automaton) -> None:
    rows = ReplyRows(automaton, (BUDGET,), None)
    reply = way_out(automaton, BUDGET)
    for length in range(4):
        rows.follow(matrix([reply[:length]]))
    for prompt in ((8, *PROMPT), PROMPT[1:], (*PROMPT[:2], 6), (*PROMPT, *reply[:3], 9, 9)):
        for length in range(4):
            places = rows.follow(matrix([reply[:length]], prompt))
            expect_fresh(places, [BUDGET], [reply[:length]], automaton)


def test_rows_that_are_shown_in_groups_by_turns_keep_their_prompt(automaton: Automaton) -> None:
    rows = ReplyRows(automaton, (BUDGET,), None)
    groups = [[begun(automaton, BUDGET, position)] for position in (0, 1)]
    for length in (0, 1, 2, 3):
        for group in groups:
            replies = [reply[:length] for reply in group]
            expect_fresh(rows.follow(matrix(replies)), [BUDGET], replies, automaton)


def test_a_known_prompt_length_resumes_a_reply_at_the_first_call(automaton: Automaton) -> None:
    rows = ReplyRows(automaton, (BUDGET,), len(PROMPT))
    reply = way_out(automaton, BUDGET)
    for length in (4, 5, 2, 9):
        expect_fresh(rows.follow(matrix([reply[:length]])), [BUDGET], [reply[:length]], automaton)


@pytest.mark.parametrize("wrong", [-1, 3, 10**6])
def test_a_row_with_an_illegal_token_is_closed_and_logged_once(
    automaton: Automaton, caplog: pytest.LogCaptureFixture, wrong: int
) -> None:
    rows = ReplyRows(automaton, (BUDGET,), None)
    reply = way_out(automaton, BUDGET)
    rows.follow(matrix([[], []]))
    with caplog.at_level(logging.WARNING):
        for length in range(1, 4):
            places = rows.follow(matrix([reply[:length], [wrong] * length]))
    assert np.flatnonzero(places[1].mask.tokens).tolist() == list(automaton.stop_token_ids)
    expect_fresh(places[:1], [BUDGET], [reply[:3]], automaton)
    assert len(caplog.records) == 1
    assert "row 1" in caplog.text


def test_padding_behind_a_stop_token_is_no_token_of_the_reply(
    automaton: Automaton, caplog: pytest.LogCaptureFixture
) -> None:
    rows = ReplyRows(automaton, (BUDGET,), None)
    reply = [*way_out(automaton, BUDGET), 3, 3]
    for length in range(len(reply) + 1):
        (place,) = rows.follow(matrix([reply[:length]]))
    assert np.flatnonzero(place.mask.tokens).tolist() == list(automaton.stop_token_ids)
    assert not caplog.records


def test_a_step_takes_one_token_a_row_even_where_beams_moved(
    automaton: Automaton, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = 0
    step = ReplyRows._step

    def counted(self: ReplyRows, place: Place, token_id: int) -> Place:
        nonlocal taken
        taken += 1
        return step(self, place, token_id)

    monkeypatch.setattr(ReplyRows, "_step", counted)
    generation = Generation(automaton, 5, 2, 4)
    for _ in range(30):
        generation.grow(generation.follow())
        generation.reorder()
    assert taken == 29 * 8
