import json
from pathlib import Path

import pytest

from tests.train.scoring.runs import write_run
from tests.train.scoring.students import make_student
from train.command import REFUSED, main
from train.score_command import name_scored


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_student(tmp_path_factory.mktemp("students") / "tiny")


def test_the_samples_of_a_run_are_scored_once_and_described(
    student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_run(tmp_path / "it", student, num_samples=8)
    assert main(["score", "-c", str(file)]) == 0
    told = capsys.readouterr().out
    assert told.startswith("8 samples: 8 ok\n")
    lines = (tmp_path / "it/run/scored.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert all(row["status"] == "ok" and row["ifd"] > 0 and row["rifd"] > 0 for row in rows)
    for journal in (tmp_path / "it/run/scores").glob("*.jsonl"):
        journal.unlink()  # a run that is done does not look for them
    assert main(["score", "-c", str(file)]) == 0
    assert capsys.readouterr().out == told


def test_a_file_of_samples_is_scored_beside_those_of_the_run(
    student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_run(tmp_path / "it", student)
    data = tmp_path / "mine.jsonl"
    rows = [{"instruction": "Add.", "response": text} for text in ("One and two.", "Three.", "")]
    data.write_text("".join(json.dumps(row) + "\n" for row in [*rows, rows[0]]))
    assert main(["score", "-c", str(file), "--file", str(data)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "mine.jsonl: 2 samples (1 unusable: empty response, 1 duplicates)"
    assert told[1] == "2 samples: 2 ok"
    manifest = json.loads((tmp_path / "it/run/mine.scored.json").read_text())
    assert (manifest["counts"]["rows"], manifest["counts"]["duplicates"]) == (4, 1)
    assert len((tmp_path / "it/run/mine.scored.jsonl").read_text().splitlines()) == 2
    assert not (tmp_path / "it/run/scored.jsonl").exists()


@pytest.mark.parametrize(
    ("file", "scores"),
    [
        (None, "scored.jsonl"),
        ("a/mine.json", "mine.scored.jsonl"),
        ("alpaca.train.jsonl", "alpaca.train.scored.jsonl"),
        ("alpaca.test.jsonl.gz", "alpaca.test.scored.jsonl"),
    ],
)
def test_the_scores_of_each_file_have_a_name_of_their_own(file: str | None, scores: str) -> None:
    assert name_scored(Path(file) if file else None) == scores


def test_a_run_without_a_student_is_refused_with_what_to_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_run(tmp_path / "it", Path("nowhere"))
    assert main(["score", "-c", str(file), 'score.model=""']) == REFUSED
    assert "score.model is missing" in capsys.readouterr().err


def test_a_run_without_samples_is_refused(
    student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_run(tmp_path / "it", student)
    assert main(["score", "-c", str(file), "data.sources=[]"]) == REFUSED
    assert "samples.jsonl" in capsys.readouterr().err
