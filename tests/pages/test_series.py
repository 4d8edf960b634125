import re

from pages.series import histograms


def test_a_panel_stands_for_each_quantity_and_a_name_for_each_series() -> None:
    drawn = histograms({"IFD": [[0.5], [0.7, 0.9]], "r-IFD": [[0.8], [0.2]]}, ["a", "b"], "h")
    assert drawn == histograms(
        {"IFD": [[0.5], [0.7, 0.9]], "r-IFD": [[0.8], [0.2]]}, ["a", "b"], "h"
    )
    words = re.findall(r"<text [^>]*>([^<]*)</text>", drawn)
    assert {"IFD", "r-IFD", "a", "b"} <= set(words)


def test_one_series_needs_no_name() -> None:
    assert ">only<" not in histograms({"tokens": [[1, 5, 9]]}, ["only"], "h")


def test_nothing_but_zeros_can_be_drawn() -> None:
    assert histograms({"tokens": [[0, 0]]}, ["a"], "z").startswith("<svg role=")


def test_a_limit_is_one_more_line() -> None:
    plain, limited = (histograms({"x": [[0.5, 2]]}, ["a"], "h", limit=limit) for limit in (None, 1))
    assert "stroke-dasharray" not in plain
    assert limited.count("stroke-dasharray") == 1
