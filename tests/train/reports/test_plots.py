import re
from collections.abc import Callable

import pytest

from train.reports import plots

STEPS = [float(step) for step in range(20)]
PANELS = {
    "loss": {"loss": (STEPS, STEPS), "holdout": ([5.0], [2.0])},
    "rate": {"rate": (STEPS, STEPS)},
    "third": {"third": (STEPS, STEPS)},
}
PLOTS: dict[str, Callable[[], str]] = {
    "outcomes": lambda: plots.outcomes({"both": 3, "none": 1, "response": 0}, "o"),
    "stages": lambda: plots.stages({"understood <b>": (3, 4), "kept": (0, 9)}, "s"),
    "top": lambda: plots.top_percent([0.9, 0.5, 0.7], 50.0, "t"),
    "curves": lambda: plots.curves(PANELS, "c"),
}


@pytest.mark.parametrize("draw", PLOTS.values(), ids=PLOTS)
def test_a_plot_is_the_same_each_time_and_takes_its_colours_from_the_page(
    draw: Callable[[], str],
) -> None:
    drawn = draw()
    assert drawn == draw()
    assert "http" not in drawn
    assert re.findall(r"#[0-9a-f]{6}\b", drawn) == []


def words(drawn: str) -> list[str]:
    return re.findall(r"<text [^>]*>([^<]*)</text>", drawn)


def test_an_outcome_is_told_with_its_share_and_none_that_is_not_there() -> None:
    told = words(PLOTS["outcomes"]())
    assert {"4", "both: 3 (75.0 %)", "none: 1 (25.0 %)"} <= set(told)
    assert not any("response" in word for word in told)


def test_stages_are_named_as_text() -> None:
    assert "understood &lt;b&gt;" in words(PLOTS["stages"]())


def test_each_panel_has_its_title_and_lines_their_names_where_there_are_several() -> None:
    told = words(PLOTS["curves"]())
    assert {"loss", "holdout", "rate", "third"} <= set(told)
    assert told.count("rate") == 1
