from collections import Counter
from pathlib import Path

from eval.dataset import Dataset, Source, load
from eval.tasks.truthfulqa import TRUTHFULQA as TASK
from eval.tasks.truthfulqa import convert, read, shuffled
from tests.eval.tasks.rows import HUB_TRUTHFULQA, TRUTHFULQA, write


def test_rows_of_the_hub_become_those_of_the_file(tmp_path: Path) -> None:
    converted = [convert(row, number) for number, row in enumerate(HUB_TRUTHFULQA)]
    assert converted == TRUTHFULQA
    assert isinstance(TASK.rows, Source)
    loaded = load(TASK.rows, write(tmp_path / "truthfulqa.jsonl", TRUTHFULQA))
    assert loaded.sha256 == Dataset.of(converted, "hub").sha256


def test_the_order_follows_from_the_id_and_not_from_the_data() -> None:
    choices = ["a", "b", "c", "d"]
    assert shuffled("x", choices) == shuffled("x", choices[::-1])
    assert {tuple(shuffled(str(id), choices)) for id in range(200)} >= {
        tuple("abcd"),
        tuple("dcba"),
    }


def test_equal_choices_are_one() -> None:
    row = {**TRUTHFULQA[0], "incorrect": ["Wrong", "Wrong"]}
    assert sorted(read([row], ())[0].row["choices"]) == ["Nothing", "Wrong"]


def test_the_gold_letter_is_the_best_answers() -> None:
    for row, question in zip(TRUTHFULQA, read(TRUTHFULQA, ()), strict=True):
        assert f"\n{question.gold}. {row['best']}\n" in question.turns[0]
        assert len(question.row["labels"]) == 1 + len(row["incorrect"])


def test_guessing_a_letter_is_not_rewarded(data: Path) -> None:
    assert isinstance(TASK.rows, Source)
    questions = read(load(TASK.rows, data).rows, ())
    assert len(questions) == 817
    golds = Counter(question.gold for question in questions)
    assert golds["A"] / 817 < 0.28
    chance = sum(1 / len(question.row["labels"]) for question in questions) / 817
    assert round(chance, 3) == TASK.chance
