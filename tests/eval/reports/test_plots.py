import re
from collections.abc import Callable

import pytest

from estimates.proportions import Interval, wilson
from eval.reports import plots
from eval.reports.budget_plot import Point, budget_file, budget_plot
from eval.reports.plots import Bar
from eval.reports.scale import PER_CENT, scale_of
from pages import svg

POINTS = {"demo": [Point("none", wilson(40, 100), 0.0), Point("high", wilson(60, 100), 81.5)]}
COUNTS = dict.fromkeys(plots.FLOWS, 7)
BARS = [Bar("demo $x$ <b>", wilson(286, 1319)), Bar("theirs", Interval(0.9, 0.9, 0.9, 0), None)]
GRADE = Bar("a", Interval(7.0, 6.5, 7.5, 80))
PLOTS: dict[str, Callable[[], str]] = {
    "scores": lambda: plots.scores(BARS, PER_CENT, "scores"),
    "groups": lambda: plots.groups(
        [f"g{i}" for i in range(57)], [[wilson(i, 60) for i in range(57)]], ["a"], PER_CENT, "g"
    ),
    "two runs": lambda: plots.groups(
        ["law", "法"], [[wilson(3, 9), wilson(4, 9)]] * 2, ["a", "b"], PER_CENT, "g2"
    ),
    "grades": lambda: plots.scores(
        [Bar("a", Interval(7.0, 6.5, 7.5, 80))], scale_of("mt_bench"), "m"
    ),
    "unknown": lambda: plots.scores([Bar("a", Interval(1, -9e999, 9e999, 1))], PER_CENT, "u"),
    "flows": lambda: plots.flows({"a": COUNTS, "b": dict.fromkeys(plots.FLOWS, 0)}, "f"),
    "budget": lambda: budget_plot(POINTS, PER_CENT, "b"),
}


@pytest.mark.parametrize("draw", PLOTS.values(), ids=PLOTS)
def test_a_plot_is_the_same_each_time_and_names_no_address(draw: Callable[[], str]) -> None:
    drawn = draw()
    assert drawn == draw()
    assert drawn.startswith("<svg role=")
    assert "http" not in drawn
    assert "<metadata" not in drawn


@pytest.mark.parametrize("draw", PLOTS.values(), ids=PLOTS)
def test_a_plot_takes_all_its_colours_from_the_page(draw: Callable[[], str]) -> None:
    assert re.findall(r"#[0-9a-f]{6}\b", draw()) == []


def test_names_are_text_and_no_formula_or_markup() -> None:
    drawn = PLOTS["scores"]()
    assert "demo $x$ &lt;b&gt;" in drawn


def test_references_within_a_plot_hold() -> None:
    drawn = PLOTS["two runs"]()
    used = set(re.findall(r"#([\w-]+)", drawn))
    assert used
    assert used == set(re.findall(r' id="([\w-]+)"', drawn))


def test_two_plots_of_a_page_share_no_id() -> None:
    first = set(re.findall(r' id="([\w-]+)"', PLOTS["scores"]()))
    second = set(re.findall(r' id="([\w-]+)"', PLOTS["unknown"]()))
    assert first
    assert not first & second


def test_a_file_of_its_own_has_colours_and_namespaces() -> None:
    drawn = budget_file(POINTS, PER_CENT, "sweep")
    assert svg.LIGHT["--series-1"] in drawn
    assert "var(" not in drawn
    assert 'xmlns="http://www.w3.org/2000/svg"' in drawn
