from pathlib import Path

import pytest

from eval.errors import RunError
from eval.judges.opponent import other_run, other_side, read_opponents, reference
from eval.judges.pairwise import PAIRWISE, PREFERENCE
from eval.question import Question
from eval.running.run_folder import RunFolder
from eval.sample import Sample
from tests.eval.judges.runs import questions, write_run


def run_of(path: Path, asked: list[Question], text: str = "4", task: str = "pairwise") -> RunFolder:
    return write_run(path, asked, {q.id: [text] for q in asked}, task)


def test_the_other_runs_answers_stay_with_the_folder(tmp_path: Path) -> None:
    asked = questions(3)
    ours, theirs = run_of(tmp_path / "ours", asked), run_of(tmp_path / "theirs", asked, "5\u2028")
    block = other_run(ours, theirs)
    found = read_opponents(ours, ours.questions(), block)
    assert found == {(question.id, 0): ("5\u2028",) for question in asked}
    assert block["run_digest"] == theirs.digest()
    assert str(tmp_path) not in str(block)


def test_two_opponents_have_two_files(tmp_path: Path) -> None:
    asked = questions(2)
    ours = run_of(tmp_path / "ours", asked)
    blocks = [other_run(ours, run_of(tmp_path / text, asked, text)) for text in "ab"]
    assert len({block["file"] for block in blocks}) == 2
    for block, text in zip(blocks, "ab", strict=True):
        assert set(read_opponents(ours, {}, block).values()) == {(text,)}


def test_a_run_of_other_questions_is_refused(tmp_path: Path) -> None:
    ours = run_of(tmp_path / "ours", questions(4))
    for number, others in enumerate((questions(3), [*questions(3), Question("q3", ("?",), None)])):
        with pytest.raises(RunError, match="asked other questions"):
            other_run(ours, run_of(tmp_path / str(number), others))


def test_a_run_on_other_data_is_refused(tmp_path: Path) -> None:
    ours, theirs = (run_of(tmp_path / name, questions(2)) for name in "ab")
    theirs.write_manifest({**theirs.manifest, "data": {"sha256": "another"}})
    with pytest.raises(RunError, match="asked other questions"):
        other_run(ours, theirs)


def test_a_run_of_another_task_is_refused(tmp_path: Path) -> None:
    ours = run_of(tmp_path / "ours", questions(2))
    with pytest.raises(RunError, match="is a run of alpaca_eval, not of pairwise"):
        other_run(ours, run_of(tmp_path / "theirs", questions(2), task="alpaca_eval"))


def test_a_run_that_has_not_asked_everything_is_refused(tmp_path: Path) -> None:
    ours, theirs = (run_of(tmp_path / name, questions(3)) for name in "ab")
    file = theirs.path / "samples.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:2]))
    with pytest.raises(RunError, match="no answers to 1 questions"):
        other_run(ours, theirs)


def test_a_missing_file_of_answers_is_named(tmp_path: Path) -> None:
    ours = run_of(tmp_path / "ours", questions(1))
    with pytest.raises(RunError, match="holds the answers of the other side"):
        read_opponents(ours, {}, {"file": "opponent-0.jsonl"})


def test_a_reference_is_one_of_the_judgings() -> None:
    assert reference(PREFERENCE, None) == {"reference": "gpt4_1106_preview"}
    with pytest.raises(RunError, match="there is gpt4_1106_preview, text_davinci_003"):
        reference(PREFERENCE, "gpt5")
    with pytest.raises(RunError, match="--against"):
        reference(PAIRWISE, None)


def test_an_epoch_meets_its_own_or_the_first() -> None:
    opponents = {("q", 0): ("first",), ("q", 1): ("second",)}
    sides = [other_side(Sample("q", epoch, "", ""), opponents) for epoch in range(3)]
    assert sides == [("first",), ("second",), ("first",)]
