from collections import Counter

from tests.train.reports.made_up_run import many_lines
from train.reports.browser_data import PER_KIND, browser_data, chosen_rows
from train.reports.recycled_row import RecycledRow

ROWS = [RecycledRow.from_dict(one) for one in many_lines(1000)]


def kinds(rows: list[RecycledRow]) -> Counter[tuple[str, str, bool]]:
    return Counter((row.status, row.outcome, row.is_kept) for row in rows)


def test_few_samples_are_all_shown_in_their_order() -> None:
    assert chosen_rows(ROWS, 1000) == ROWS


def test_of_many_each_kind_shows_some_and_the_rest_is_drawn() -> None:
    shown = chosen_rows(ROWS, 400)
    assert len(shown) == 400
    every = kinds(ROWS)
    assert all(kinds(shown)[kind] >= min(PER_KIND, count) for kind, count in every.items())
    assert shown == [row for row in ROWS if row in shown]
    assert chosen_rows(ROWS[::-1], 400) == shown[::-1]


def test_of_very_few_each_kind_has_its_first() -> None:
    most = len(kinds(ROWS))
    assert len(kinds(chosen_rows(ROWS, most * PER_KIND))) == most
    assert chosen_rows(ROWS, 0) == []


def test_a_sample_is_told_with_its_texts_and_without_what_is_empty() -> None:
    row = next(row for row in ROWS if row.status == "refused")
    [told] = browser_data([row])
    assert told["variants"]["original"][0].startswith("Explain ")
    assert "rank" not in told
    assert "scores" not in told
