from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from eval.dataset import Row
from eval.errors import DataError
from eval.question import Question
from eval.running.plan import Plan, make_plan, subset
from eval.running.protocol import Protocol, Treatment
from eval.task import Generated
from tests.eval import sums
from tests.eval.sums import SUMS


def made(data: Path, limit: int | None = None, few_shot: int = 0, epochs: int = 1) -> Plan:
    return make_plan(SUMS, Protocol(few_shot=few_shot), Treatment(epochs=epochs), data, limit)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    sums.write(tmp_path / "sums", 30)
    return tmp_path


def test_all_questions_are_asked_once_before_any_a_second_time(data: Path) -> None:
    asks = [(question.id, epoch) for question, epoch in made(data, limit=2, epochs=2).asks()]
    assert asks == [(id, epoch) for epoch in (0, 1) for id in [asks[0][0], asks[1][0]]]


def test_a_limit_takes_the_same_questions_for_everybody_in_their_order(data: Path) -> None:
    every = [question.id for question in made(data).questions]
    few = [question.id for question in made(data, limit=7).questions]
    assert few == [id for id in every if id in few]
    assert few != every[:7]
    assert [q.id for q in made(data, limit=99).questions] == every


def test_a_higher_limit_asks_the_same_and_more() -> None:
    questions = [Question(str(number), ("?",), None) for number in range(100)]
    for limit in range(100):
        assert set(map(id, subset(questions, limit))) <= set(map(id, subset(questions, limit + 1)))


def test_few_shot_examples_are_the_first_of_their_split(data: Path) -> None:
    question = made(data, few_shot=2).questions[5]
    assert [message["content"] for message in question.context] == [
        "What is 0 + 0?",
        "#### 0",
        "What is 1 + 1?",
        "#### 2",
    ]


def test_few_shot_examples_of_one_file_are_looked_for_beside_it(data: Path) -> None:
    (data / "sums" / "shots.jsonl").write_text('{"question": "shot?", "sum": 1}\n')
    plan = made(data / "sums" / "sums.jsonl", few_shot=1)
    assert plan.questions[0].context[0]["content"] == "shot?"


def test_by_a_column_each_of_its_values_gets_as_many(data: Path) -> None:
    seen: list[Row] = []

    def read(rows: Sequence[Row], shots: Sequence[Row]) -> list[Question]:
        seen.extend(shots)
        return sums.read(rows, shots)

    task = replace(SUMS, shots_by="kind", read=read)
    make_plan(task, Protocol(few_shot=2), Treatment(), data)
    assert [(row["kind"], row["sum"]) for row in seen] == [
        (0, 0),
        (0, 6),
        (1, 2),
        (1, 8),
        (2, 4),
        (2, 10),
    ]


def test_more_examples_than_there_are_is_an_error(data: Path) -> None:
    with pytest.raises(DataError, match="sums has 30 few-shot examples, --few-shot asks 31"):
        made(data, few_shot=31)


def test_a_task_without_examples_says_so(data: Path) -> None:
    with pytest.raises(DataError, match="has no few-shot examples"):
        make_plan(replace(SUMS, shots=None), Protocol(few_shot=1), Treatment(), data)


def test_two_questions_of_one_id_are_an_error(data: Path) -> None:
    def read(rows: Sequence[Row], shots: Sequence[Row]) -> list[Question]:
        return [replace(question, id="same") for question in sums.read(rows, shots)]

    with pytest.raises(DataError, match="two questions have the id 'same'"):
        make_plan(replace(SUMS, read=read), Protocol(), Treatment(), data)


def test_generated_rows_need_no_data() -> None:
    task = replace(SUMS, rows=Generated(lambda n, seed: sums.rows(n + seed), 4, 1))
    plan = make_plan(task, Protocol(), Treatment())
    assert len(plan.questions) == 5
    assert plan.identity()["data"]["origin"] == "generated: n 4, seed 1"


def test_the_prompts_hash_depends_on_whatever_the_model_is_shown(data: Path) -> None:
    def hashed(few_shot: int, limit: int | None, system: str | None) -> str:
        protocol = Protocol(few_shot=few_shot, system=system)
        plan = make_plan(SUMS, protocol, Treatment(), data, limit)
        return str(plan.identity()["protocol"]["prompts_sha256"])

    variants = [(0, None, None), (1, None, None), (0, 9, None), (0, None, "Be brief.")]
    hashes = [hashed(*variant) for variant in variants]
    assert len(set(hashes)) == 4
    assert hashes == [hashed(*variant) for variant in variants]
