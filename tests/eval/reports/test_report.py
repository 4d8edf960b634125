import json
import re
from pathlib import Path

import pytest

from eval.command import main
from eval.measures.comparison import runs_below
from eval.reports.material import read_material
from eval.reports.plots import FLOWS
from eval.reports.report import render
from eval.reports.scale import p_value
from eval.reports.task_section import task_section
from tests.eval.made_up import PROTOCOL, run_folder, sample
from tests.eval.reports import gallery
from tests.pages.reader import text_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    gallery.pens_run(folder / "gsm8k" / "1", "base", 0.5, n=200)
    gallery.pens_run(folder / "gsm8k" / "2", "tuned", 0.7, n=200)
    gallery.letters_run(folder / "mmlu", "tuned", 0.6, per_subject=4)
    gallery.judged_run(folder / "pairwise", "tuned")
    (folder / "sweep.json").write_text(json.dumps(gallery.sweep()))
    return folder


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    assert main(["report", str(folder), "--out", str(folder / "out" / "all.html")]) == 0
    return (folder / "out" / "all.html").read_text()


def test_the_page_asks_nothing_of_any_network(page: str) -> None:
    assert re.findall(r"(?:src|href|action|srcset|data)\s*=\s*[\"']?(?!#)[^\s>\"']", page) == []
    assert re.findall(r"url\(|@import|fetch\(|XMLHttpRequest|https?:", page) == ["url("] * len(
        re.findall(r"url\(#", page)
    )


def test_the_headline_has_scores_with_intervals(page: str, folder: Path) -> None:
    scores = read_material(runs_below(folder / "gsm8k" / "2"))[0].manifest["scores"]["robust"]
    low, high = (f"{100 * scores[side]:.2f}" for side in ("low", "high"))
    assert f"tuned 0-shot 200 {100 * scores['value']:.2f} [{low}, {high}]" in text_of(page)


def test_published_figures_stand_with_their_source(page: str) -> None:
    said = text_of(page)
    assert "Llama-3.1-8B-Instruct 84.50 8-shot, reasoning Llama 3.1 model card" in said
    assert "Reflection-70B, claimed 99.20" in said


def test_two_models_are_paired(page: str) -> None:
    assert re.search(r"tuned against base 200 \+\d+\.\d\d \[", text_of(page))


def test_others_are_compared_with_the_baseline_wherever_it_lies(tmp_path: Path) -> None:
    gallery.pens_run(tmp_path / "1", "tuned", 0.7, n=200)
    gallery.pens_run(tmp_path / "2", "base", 0.5, n=200, is_baseline=True)
    said = text_of(render("R", read_material(runs_below(tmp_path))))
    assert re.search(r"tuned against base 200 \+\d+\.\d\d \[", said)


def test_corrections_curve_groups_and_commands_are_there(page: str) -> None:
    said = text_of(page)
    for part in (
        "wrong → right",
        "does thinking longer pay?",
        "abstract algebra",
        "reflect eval run gsm8k --model tuned",
        "Not available: the endpoint did not show the thoughts",
    ):
        assert part in said


def test_runs_that_cannot_be_compared_say_why(tmp_path: Path) -> None:
    run_folder(tmp_path / "1", [sample("x")], model="base")
    other = PROTOCOL | {"system": "Think."}
    run_folder(tmp_path / "2", [sample("x")], model="tuned", protocol=other)
    said = text_of(render("R", read_material(runs_below(tmp_path))))
    assert "Not compared. base and tuned: not the same protocol" in said


def test_a_run_that_no_judge_has_scored_can_be_read(tmp_path: Path) -> None:
    scores = {"robust": None, "compat": None}
    run_folder(tmp_path, [sample("x", 0.0)], scores=scores, status="stopped")
    said = text_of(render("R", read_material(runs_below(tmp_path))))
    assert "demo 0-shot 1 – –" in said
    assert "the run is not finished" in said


def test_how_the_questions_were_asked_stands_by_the_run(tmp_path: Path) -> None:
    protocol = PROTOCOL | {"few_shot": 8, "system": "Think.", "temperature": 0.7}
    treatment = {"effort": "high", "epochs": 4}
    run_folder(tmp_path, [sample("x")], protocol=protocol, treatment=treatment)
    said = text_of(render("R", read_material(runs_below(tmp_path))))
    assert "8-shot, system prompt, temperature 0.7, effort high, 4 answers each" in said


def test_flags_that_have_no_column_are_told(tmp_path: Path) -> None:
    run_folder(tmp_path, [sample("x", 0.0, flags=("judge_error",))])
    said = text_of(render("R", read_material(runs_below(tmp_path))))
    assert "demo: flagged judge error: 1." in said


def test_a_run_without_a_reflection_has_no_plot_of_corrections(tmp_path: Path) -> None:
    none = {"corrections": dict.fromkeys(FLOWS, 0) | {"n": 0, "net": 0}, "shown": 1}
    run_folder(tmp_path, [sample("x")], reflections=none)
    said = text_of(render("R", read_material(runs_below(tmp_path))))
    assert "Reflection figures" in said
    assert "wrong → right" not in said


def test_the_title_is_text(tmp_path: Path) -> None:
    run_folder(tmp_path, [sample("x")])
    page = render("<img src=x>", read_material(runs_below(tmp_path)))
    assert "<title>&lt;img src=x&gt;</title>" in page


def test_the_same_runs_give_the_same_page(folder: Path) -> None:
    runs = read_material(runs_below(folder / "gsm8k"))
    assert render("R", runs) == render("R", runs)


def test_p_values_of_several_pairs_are_adjusted(tmp_path: Path) -> None:
    ids = [f"q{i}" for i in range(10)]
    run_folder(tmp_path / "a", [sample(id, 0.0) for id in ids], model="base")
    for name, num_right in (("b", 7), ("c", 6)):
        samples = [sample(id, float(i < num_right)) for i, id in enumerate(ids)]
        run_folder(tmp_path / name, samples, model=name)
    section = task_section("gsm8k", read_material(runs_below(tmp_path)))
    # exact McNemar of 7:0 and 6:0 is 2/2^7 and 2/2^6; Holm takes the least times two
    assert [row["p"] for row in section["comparisons"]] == [p_value(4 / 2**7)] * 2
