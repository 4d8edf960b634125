from collections import Counter
from pathlib import Path

import pytest

from eval.dataset import Dataset, Source, load
from eval.running.plan import make_plan
from eval.running.protocol import Protocol, Treatment
from eval.scorers.letters import LETTERS
from eval.task import Task
from eval.tasks.mmlu import MMLU as REASONED
from eval.tasks.mmlu import MMLU_5SHOT as DIRECT
from tests.eval.tasks.rows import HUB_MMLU, HUB_MMLU_DEV, MMLU, MMLU_DEV, write


@pytest.mark.parametrize("task", [REASONED, DIRECT])
def test_rows_of_the_hub_become_those_of_the_file(task: Task) -> None:
    assert isinstance(task.rows, Source)
    assert isinstance(task.shots, Source)
    for source, rows, filed in (
        (task.rows, HUB_MMLU, MMLU),
        (task.shots, HUB_MMLU_DEV, MMLU_DEV),
    ):
        assert source.hub is not None
        assert [source.hub.convert(row, number) for number, row in enumerate(rows)] == filed


def test_the_letter_is_asked_for_after_examples_of_its_subject(tmp_path: Path) -> None:
    write(tmp_path / "mmlu" / "test.jsonl", MMLU)
    write(tmp_path / "mmlu" / "dev.jsonl", MMLU_DEV)
    questions = make_plan(DIRECT, Protocol(few_shot=5), Treatment(), tmp_path).questions
    assert len(questions) == 103
    for question in questions:
        assert [message["role"] for message in question.context] == ["user", "assistant"] * 5
        assert all(
            question.group.replace("_", " ") in message["content"]
            for message in question.context[::2]
        )
        assert [message["content"] for message in question.context[1::2]] == list("ABCDA")
        assert question.turns[0].endswith("one letter and nothing else: A, B, C or D.")


def test_reasons_are_asked_for_before_the_line_that_both_filters_read() -> None:
    question = REASONED.read(MMLU, ())[2]
    assert "\nC. abstract_algebra 2.2\n" in question.turns[0]
    assert question.context == ()
    assert REASONED.scorer is not None
    result = REASONED.scorer.score(question, ["Some reasons.\nThe best answer is C."])
    assert (result.value, result.rule) == (1, "answer")
    assert result.compat in (1, None)


def test_the_published_splits_are_all_there(data: Path) -> None:
    assert isinstance(REASONED.rows, Source)
    assert isinstance(REASONED.shots, Source)
    test, dev = load(REASONED.rows, data), load(REASONED.shots, data)
    assert (len(test.rows), len({row["subject"] for row in test.rows})) == (14042, 57)
    assert set(Counter(row["subject"] for row in dev.rows).values()) == {5}
    for dataset, source in ((test, REASONED.rows), (dev, REASONED.shots)):
        assert source.hub is not None
        converted = [
            source.hub.convert({**row, "answer": LETTERS.index(row["answer"])}, number)
            for number, row in enumerate(dataset.rows)
        ]
        assert Dataset.of(converted, "hub").sha256 == dataset.sha256
