from pathlib import Path

from eval.dataset import Dataset, Source, load
from eval.tasks.hellaswag import HELLASWAG as TASK
from eval.tasks.hellaswag import convert, read
from tests.eval.tasks.rows import HELLASWAG, HUB_HELLASWAG, write


def test_rows_of_the_hub_become_those_of_the_file(tmp_path: Path) -> None:
    converted = [convert(row, number) for number, row in enumerate(HUB_HELLASWAG)]
    assert converted == HELLASWAG
    assert isinstance(TASK.rows, Source)
    loaded = load(TASK.rows, write(tmp_path / "val.jsonl", HELLASWAG))
    assert loaded.sha256 == Dataset.of(converted, "hub").sha256


def test_the_four_endings_are_letters() -> None:
    question = read(HELLASWAG, ())[1]
    assert question.gold == "D"
    assert "\nD. Climb it.\n" in question.turns[0]
    assert "How to rest. Sit down. Find a chair." in question.turns[0]


def test_the_note_says_with_what_it_cannot_be_compared() -> None:
    assert "log-likelihood" in TASK.note


def test_the_published_validation_split_is_all_there(data: Path) -> None:
    assert isinstance(TASK.rows, Source)
    assert len({question.id for question in read(load(TASK.rows, data).rows, ())}) == 10042
