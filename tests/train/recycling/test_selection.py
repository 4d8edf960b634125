import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.recycling.selection import (
    accept_instruction,
    accept_response,
    num_kept,
    ranks,
    why_dropped,
)
from train.recycling.settings import Recycle

RATIOS = st.floats(0.01, 3) | st.none()


def test_the_greater_ifd_and_the_smaller_rifd_win() -> None:
    assert accept_instruction(0.5, 0.6).is_accepted
    assert not accept_instruction(0.6, 0.5).is_accepted
    assert accept_response(0.6, 0.5).is_accepted
    assert not accept_response(0.5, 0.6).is_accepted


def test_of_equal_ratios_the_pair_before_stays() -> None:
    assert not accept_instruction(0.5, 0.5).is_accepted
    assert not accept_response(0.5, 0.5).is_accepted


@given(RATIOS)
def test_no_number_never_wins_and_never_loses_to_another(ratio: float | None) -> None:
    for accept in accept_instruction, accept_response:
        assert not accept(ratio, None).is_accepted
        assert not accept(None, ratio).is_accepted


def test_a_decision_says_why() -> None:
    assert accept_instruction(0.5, 0.75).reason == "IFD 0.75 above 0.5"
    assert accept_response(0.5, 0.75).reason == "r-IFD 0.75 above 0.5"
    assert accept_response(0.5, 0.5).reason == "r-IFD 0.5 equal to 0.5"
    assert accept_response(0.5, None).reason == "no r-IFD of the reflected pair"
    assert accept_response(None, 0.5).reason == "no r-IFD of the pair before"


@pytest.mark.parametrize(
    ("chosen", "ifd", "rifd", "reason"),
    [
        ("both", 0.9, 0.9, None),
        ("response", 0.9, 0.9, None),
        ("instruction", 0.9, 0.9, "its response is none of a reflection"),
        ("original", 0.9, 0.9, "its response is none of a reflection"),
        ("both", 1.0, 0.9, "IFD 1 is not below 1"),
        ("both", 0.9, 1.0, "r-IFD 1 is not below 1"),
        ("both", None, 0.9, "no IFD"),
        ("both", 0.9, None, "no r-IFD"),
    ],
)
def test_only_a_reflected_response_with_both_ratios_below_1_is_kept(
    chosen: object, ifd: float | None, rifd: float | None, reason: str | None
) -> None:
    assert why_dropped(Recycle(), chosen, ifd, rifd) == reason  # type: ignore[arg-type]


def test_the_filters_can_be_left_out_but_without_ifd_there_is_no_rank() -> None:
    open_ = Recycle(drop_ge_1=False, require_reflected_response=False)
    assert why_dropped(open_, "original", 1.5, None) is None
    assert why_dropped(open_, "both", None, None) == "no IFD"


def test_where_all_is_accepted_nothing_is_asked_of_the_student() -> None:
    assert why_dropped(Recycle(method="all"), "both", None, None) is None


def test_ranks_go_by_ifd_and_of_equal_ones_by_id() -> None:
    assert ranks([("c", 0.5), ("a", 0.5), ("b", 0.9)]) == {"b": 1, "a": 2, "c": 3}


@pytest.mark.parametrize(
    ("num", "percent", "kept"),
    [(100, 100.0, 100), (100, 5.0, 5), (101, 5.0, 6), (3, 0.1, 1), (0, 5.0, 0), (1000, 0.7, 7)],
)
def test_part_of_a_sample_counts_as_one(num: int, percent: float, kept: int) -> None:
    assert num_kept(num, percent) == kept


VALUE = st.floats(0.01, 3)


@given(*[VALUE] * 8)
def test_the_lazy_order_keeps_what_the_published_table_keeps(
    ifd_o: float, ifd_q: float, ifd_a: float, ifd_qa: float,
    rifd_o: float, rifd_q: float, rifd_a: float, rifd_qa: float,
) -> None:  # fmt: skip
    """The table of the released selector, in our words, over all four variants."""
    if ifd_q > ifd_o:
        wins, ratios, variant = rifd_qa < rifd_q, (ifd_qa, rifd_qa), "both"
    else:
        wins, ratios, variant = rifd_a < rifd_o, (ifd_a, rifd_a), "response"
    expected = variant if wins and max(ratios) < 1 else None

    ifd = {"original": ifd_o, "instruction": ifd_q, "response": ifd_a, "both": ifd_qa}
    rifd = {"original": rifd_o, "instruction": rifd_q, "response": rifd_a, "both": rifd_qa}
    is_new = accept_instruction(ifd_o, ifd_q).is_accepted
    base, answered = ("instruction", "both") if is_new else ("original", "response")
    chosen = answered if accept_response(rifd[base], rifd[answered]).is_accepted else base
    dropped = why_dropped(Recycle(), chosen, ifd[chosen], rifd[chosen])  # type: ignore[arg-type]
    assert (None if dropped else chosen) == expected


@given(st.lists(st.floats(0.01, 3), max_size=30), st.floats(0.1, 100))
def test_what_is_in_the_top_has_no_lower_ifd_than_what_is_not(
    ifds: list[float], percent: float
) -> None:
    places = ranks([(str(number), ifd) for number, ifd in enumerate(ifds)])
    last = num_kept(len(ifds), percent)
    kept = [ifd for number, ifd in enumerate(ifds) if places[str(number)] <= last]
    left = [ifd for number, ifd in enumerate(ifds) if places[str(number)] > last]
    assert len(kept) == min(last, len(ifds))
    assert min(kept, default=math.inf) >= max(left, default=-math.inf)
