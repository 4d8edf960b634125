from train.reports.flat_rows import flat_rows


def test_nested_figures_are_told_by_their_path() -> None:
    figures = {"num_rows": 12_000, "drops": {"too_long": 4}, "share": 0.61234, "packed": False}
    assert list(flat_rows(figures)) == [
        ("rows", "12,000"),
        ("drops · too long", "4"),
        ("share", "0.6123"),
        ("packed", "no"),
    ]


def test_what_is_empty_is_left_out_and_zero_is_not() -> None:
    told = list(flat_rows({"a": None, "b": "", "c": [], "d": 0, "e": {}}))
    assert told == [("d", "0")]


def test_lists_stand_on_one_line() -> None:
    told = list(
        flat_rows({"sources": [{"kind": "alpaca", "limit": 5}], "temperatures": [0.0, 0.7]})
    )
    assert told == [("sources", "kind alpaca, limit 5"), ("temperatures", "0; 0.7")]
