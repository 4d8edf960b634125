import re
from pathlib import Path

import pytest

from tests.pages.reader import text_of
from tests.train.reports.made_up_run import config_of, made_up_run, write_built, write_tuning
from train.reports.coherence import tfidf
from train.reports.lengths import Lengths
from train.reports.material import Material, read_material
from train.reports.report import render

WORDS = Lengths("words")


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return read_material(made_up_run(tmp_path_factory.mktemp("run"), n=200))


@pytest.fixture(scope="module")
def page(material: Material) -> str:
    return render(material, WORDS, tfidf, coherence_by="TF-IDF")


def test_the_page_asks_nothing_of_any_network(page: str) -> None:
    without_data = re.sub(r'<script type="application/json".*?</script>', "", page, flags=re.DOTALL)
    found = r"(?:src|href|action|srcset|data)\s*=\s*[\"']?(?!#)[^\s>\"']"
    assert re.findall(found, without_data) == []
    assert re.findall(r"@import|fetch\(|XMLHttpRequest|(?<!base url )https?://(?!127)", page) == []


def test_every_part_of_a_whole_run_is_there(page: str) -> None:
    said = text_of(page)
    for part in (
        "200 samples, 133 kept · method selective, mode exact",
        "instruction: reply understood 182 of 200 91.0 %",
        "parse_failed 12 6.0 %",
        "tokens written 403,000",
        "cost 7.2500 (3 / 12 a million tokens)",
        "Coherence: TF-IDF.",
        "median",
        "drops · too long 4",
        "loss by kind",
        "top_percent = 100",
        "Alpaca, selective 31.4 345.9",
        "AlpacaEval 1 rewards length",
        "reflect train recycle -c run.toml",
    ):
        assert part in said, part


def test_what_was_not_done_has_no_part(tmp_path: Path) -> None:
    write_built(tmp_path)
    said = text_of(render(read_material(config_of(tmp_path)), WORDS, None))
    assert "Built data" in said
    assert "Acceptance by stage" not in said
    assert "nothing recycled" in said
    assert "Over the steps of the optimizer" not in said


def test_a_run_that_is_being_tuned_says_so(tmp_path: Path) -> None:
    write_tuning(tmp_path, num_steps=7, is_finished=False)
    said = text_of(render(read_material(config_of(tmp_path)), WORDS, None))
    assert "Not finished: the last figures are of step 7." in said


def test_the_same_run_gives_the_same_page(material: Material) -> None:
    assert render(material, WORDS, None) == render(material, WORDS, None)


def test_no_more_samples_than_asked_for_are_in_the_page(material: Material) -> None:
    page = render(material, WORDS, None, max_samples=50)
    assert 'data-total="200"' in page
    assert page.count('"variants":') == 50
