from pathlib import Path

from estimates.proportions import wilson
from eval.dataset import Dataset, Source, load
from eval.question import sha256_of
from eval.tasks.gsm8k import GSM8K as TASK
from eval.tasks.gsm8k import read
from tests.eval.made_up import failed, sample
from tests.eval.tasks.rows import GSM8K, HUB_GSM8K, write


def source() -> Source:
    assert isinstance(TASK.rows, Source)
    return TASK.rows


def test_rows_of_the_hub_become_those_of_the_file(tmp_path: Path) -> None:
    hub = source().hub
    assert hub is not None
    converted = [hub.convert(row, number) for number, row in enumerate(HUB_GSM8K)]
    assert converted == GSM8K
    loaded = load(source(), write(tmp_path / "test.jsonl", GSM8K))
    assert loaded.sha256 == Dataset.of(converted, "hub").sha256 == sha256_of(GSM8K)


def test_a_question_asks_for_the_line_that_the_strict_rule_reads() -> None:
    question = read(GSM8K, ())[0]
    assert question.turns[0].startswith(GSM8K[0]["question"])
    assert question.turns[0].endswith("\nThe final answer is N.")
    assert question.gold == "1185"
    assert TASK.scorer is not None
    reply = question.turns[0].replace("is N.", "is 1,185.")
    result = TASK.scorer.score(question, [reply])
    assert (result.value, result.rule, result.details["strict"]) == (1, "answer", 1)


def test_examples_are_answered_as_questions_ask_for_it() -> None:
    question = read(GSM8K[:1], GSM8K)[0]
    assert [message["role"] for message in question.context] == ["user", "assistant"] * 2
    reply = question.context[1]["content"]
    assert reply == "She eats 3 * 5 = 15.\n1,200 - 15 = 1,185\nThe final answer is 1185."


def test_the_strict_score_stands_beside_with_what_failed_in_it() -> None:
    assert TASK.figures is not None
    samples = [
        sample("a", 1.0, details={"strict": 1.0}),
        sample("b", 1.0, details={"strict": 0.0}),
        sample("c", 0.0, flags=("scorer_error",)),
        failed("d"),
    ]
    assert TASK.figures({}, samples) == {"strict": wilson(1, 4).to_dict()}


def test_the_published_test_split_is_all_there(data: Path) -> None:
    loaded = load(source(), data)
    questions = read(loaded.rows, ())
    assert len({question.id for question in questions}) == 1319
    hub = source().hub
    assert hub is not None
    converted = [hub.convert(row, number) for number, row in enumerate(loaded.rows)]
    assert Dataset.of(converted, "hub").sha256 == loaded.sha256
