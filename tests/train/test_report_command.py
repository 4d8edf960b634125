import re
from pathlib import Path

import pytest

from tests.pages.reader import text_of
from tests.train.reports.made_up_run import made_up_run
from train.command import REFUSED, main


@pytest.fixture
def run_file(tmp_path: Path) -> Path:
    file = tmp_path / "run.toml"
    file.write_text(f"[run]\nname = 'small'\ndir = '{tmp_path / 'run'}'\n")
    return file


def test_a_run_is_written_as_one_file(run_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made_up_run(run_file.parent / "run", n=20)
    assert main(["report", "-c", str(run_file)]) == 0
    file = run_file.parent / "run" / "report.html"
    assert re.fullmatch(
        rf"{re.escape(str(file))}: 20 samples, \d\.\d MB\n", capsys.readouterr().out
    )
    said = text_of(file.read_text())
    assert "small 20 samples" in said
    assert "Coherence: the cosine of TF-IDF vectors of question and response." in said


def test_file_samples_and_coherence_can_be_chosen(run_file: Path) -> None:
    made_up_run(run_file.parent / "run", n=20)
    out = run_file.parent / "elsewhere" / "page.html"
    options = ["--out", str(out), "--samples", "3", "--coherence", "off"]
    assert main(["report", "-c", str(run_file), *options]) == 0
    page = out.read_text()
    assert page.count('"variants":') == 3
    assert "Coherence" not in text_of(page)


def test_coherence_by_a_student_that_is_not_named_is_refused(
    run_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made_up_run(run_file.parent / "run", n=5)
    assert main(["report", "-c", str(run_file), "--coherence", "student"]) == REFUSED
    assert "set score.model" in capsys.readouterr().err


def test_a_run_that_has_not_begun_is_refused(
    run_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "-c", str(run_file)]) == REFUSED
    assert "holds nothing of a run yet" in capsys.readouterr().err
