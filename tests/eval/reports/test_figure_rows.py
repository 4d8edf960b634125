from eval.reports.figure_rows import figure_rows, figures_table
from eval.reports.scale import PER_CENT


def test_intervals_spreads_counts_and_parts_are_rows() -> None:
    figures = {
        "macro": {"value": 0.5, "low": 0.4, "high": 0.6},
        "length": {"p50": 3, "p95": 9, "mean": 4.25, "n": 7},
        "groups": {"law": {"value": 0.25, "low": None, "high": None}},
        "wins": 1234,
        "turns": [7.25, 6.5],
        "rate": 0.123456,
        "missing": None,
    }
    assert list(figure_rows(figures, PER_CENT)) == [
        ("macro", "50.00 [40.00, 60.00]"),
        ("length: p50 / p95, mean", "3 / 9, 4.25"),
        ("groups · law", "25.00"),
        ("wins", "1,234"),
        ("turns", "7.25, 6.5"),
        ("rate", "0.1235"),
    ]


def test_runs_stand_in_columns_and_what_one_lacks_is_open() -> None:
    table = figures_table({"a": {"x": 1}, "b": {"x": 2, "y": 3}}, PER_CENT)
    assert table["labels"] == ["a", "b"]
    assert table["rows"] == [("x", ["1", "2"]), ("y", ["–", "3"])]
    assert not table["is_long"]
