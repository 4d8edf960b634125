from pathlib import Path

from eval.measures.comparison import runs_below
from eval.question import Question
from eval.reports.material import read_material
from tests.eval.made_up import run_folder, sample
from tests.eval.reports import gallery


def names(folder: Path) -> list[str]:
    return [run.name for run in read_material(runs_below(folder))]


def test_models_give_the_names(tmp_path: Path) -> None:
    run_folder(tmp_path / "1", [sample("x")], model="base")
    run_folder(tmp_path / "2", [sample("x")], model="tuned")
    assert names(tmp_path) == ["base", "tuned"]


def test_one_model_at_two_efforts_is_told_apart_by_them(tmp_path: Path) -> None:
    for effort in ("none", "high"):
        run_folder(tmp_path / effort, [sample("x")], treatment={"effort": effort})
    assert names(tmp_path) == ["demo, effort high", "demo, effort none"]


def test_one_model_run_twice_is_told_apart_by_number(tmp_path: Path) -> None:
    for number in "12":
        run_folder(tmp_path / number, [sample("x")])
    assert names(tmp_path) == ["demo, run 1", "demo, run 2"]


def test_samples_stand_in_the_order_of_the_questions(tmp_path: Path) -> None:
    given = [sample("b", epoch=1), sample("a"), sample("b", epoch=0)]
    run_folder(tmp_path, given, _questions("b", "a"))
    [run] = read_material(runs_below(tmp_path))
    assert [(one.id, one.epoch) for one in run.samples] == [("b", 0), ("b", 1), ("a", 0)]


def test_verdicts_stand_by_their_sample(tmp_path: Path) -> None:
    gallery.judged_run(tmp_path, "demo")
    [run] = read_material(runs_below(tmp_path))
    first, second = run.verdicts["koala-3", 0]
    assert ("duller" in first, "livelier" in second) == (True, True)


def _questions(*ids: str) -> list[Question]:
    return [Question(id, ("?",), "42") for id in ids]
