import pytest

from eval.reports.published import published
from eval.tasks.catalogue import CATALOGUE

NAMES = [name for name in CATALOGUE if published(name)]


def test_figures_of_the_specification() -> None:
    assert [one.value for one in published("gsm8k")] == [84.5, 95.1, 99.2, 95.22, 94.01, 94.57]
    by_model = {one.model: one.value for one in published("math")}
    assert by_model["Llama-3.1-70B-Instruct"] == 68.0
    assert by_model["Llama-3.1-70B, that harness, no prompt"] == 55.7


def test_each_figure_names_its_source_and_protocol() -> None:
    assert len(NAMES) >= 6
    for name in NAMES:
        for one in published(name):
            assert len(one.source) > 20
            assert one.protocol
            assert 0 < one.value <= 100


def test_a_published_error_becomes_an_interval() -> None:
    alpaca = published("alpaca_eval")[0]
    assert (alpaca.value, alpaca.bounds) == (26.46, "[23.44, 29.48]")
    assert published("gsm8k")[0].bounds == ""


@pytest.mark.parametrize("name", ["word_problems", "no_such_task"])
def test_of_other_tasks_nothing_was_published(name: str) -> None:
    assert published(name) == []
