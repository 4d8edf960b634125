from pathlib import Path

from eval.dataset import Dataset, Source, load
from eval.tasks.arc_challenge import ARC_CHALLENGE as TASK
from eval.tasks.arc_challenge import convert, read
from tests.eval.tasks.rows import ARC, HUB_ARC, write


def test_rows_of_the_hub_become_those_of_the_file(tmp_path: Path) -> None:
    converted = [convert(row, number) for number, row in enumerate(HUB_ARC)]
    assert converted == ARC
    assert isinstance(TASK.rows, Source)
    loaded = load(TASK.rows, write(tmp_path / "test.jsonl", ARC))
    assert loaded.sha256 == Dataset.of(converted, "hub").sha256


def test_a_question_has_the_labels_of_its_row() -> None:
    questions = read(ARC, ())
    assert [len(question.row["labels"]) for question in questions] == [4, 4, 3, 5]
    assert "X being A, B or C:" in questions[2].turns[0]
    assert questions[3].turns[0].count("\nE. a fish\n") == 1
    assert TASK.scorer is not None
    assert TASK.scorer.score(questions[3], ["The best answer is E."]).value == 1
    assert TASK.scorer.score(questions[2], ["The best answer is D."]).extracted is None


def test_numbered_rows_of_a_file_keep_their_numbers() -> None:
    row = {**ARC[1], "labels": ["1", "2", "3", "4"], "answer": "3"}
    question = read([row], ())[0]
    assert "\n3. the sun\n" in question.turns[0]
    assert TASK.scorer is not None
    assert TASK.scorer.score(question, ["The best answer is 3."]).value == 1


def test_examples_end_as_questions_ask_for_it() -> None:
    context = read(ARC[:1], ARC[1:3])[0].context
    assert [message["content"] for message in context[1::2]] == [
        "The best answer is C.",
        "The best answer is A.",
    ]


def test_the_published_test_split_is_all_there(data: Path) -> None:
    assert isinstance(TASK.rows, Source)
    assert len({question.id for question in read(load(TASK.rows, data).rows, ())}) == 1172
