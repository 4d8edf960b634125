from collections import Counter
from pathlib import Path

from eval.dataset import Source, load
from eval.tasks.mt_bench import MT_BENCH

ROW = {"question_id": 111, "turns": ["2 + 2?", "And 3 + 3?"], "category": "math"}
ANSWER = {"question_id": 111, "choices": [{"turns": ["four", "six"]}]}


def test_both_turns_are_asked_and_the_reference_is_for_the_judge() -> None:
    (question,) = MT_BENCH.read([ROW | {"reference_answer": ANSWER}], ())
    assert (question.id, question.turns) == ("mt_bench-111", ("2 + 2?", "And 3 + 3?"))
    assert (question.group, question.row) == ("math", {"references": ["four", "six"]})


def test_categories_that_are_judged_without_reference_get_none() -> None:
    rows = [
        ROW | {"reference_answer": None},
        ROW | {"category": "writing", "reference_answer": ANSWER},
    ]
    assert [question.row["references"] for question in MT_BENCH.read(rows, ())] == [[], []]


def test_rows_of_the_hub_become_rows_of_the_file() -> None:
    assert isinstance(MT_BENCH.rows, Source)
    assert MT_BENCH.rows.hub is not None
    row = {"prompt_id": 111, "category": "math", "prompt": ROW["turns"], "reference": ["4", "6"]}
    (question,) = MT_BENCH.read([MT_BENCH.rows.hub.convert(row, 0)], ())
    assert (question.turns, question.row) == (("2 + 2?", "And 3 + 3?"), {"references": ["4", "6"]})


def test_the_published_questions_have_their_references(data: Path) -> None:
    assert isinstance(MT_BENCH.rows, Source)
    questions = MT_BENCH.read(load(MT_BENCH.rows, data).rows, ())
    assert len(questions) == 80
    assert {len(question.turns) for question in questions} == {2}
    referenced = Counter(question.group for question in questions if question.row["references"])
    assert referenced == {"reasoning": 10, "math": 10, "coding": 10}
