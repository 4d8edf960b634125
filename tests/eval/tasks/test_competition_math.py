from pathlib import Path

from eval.dataset import Source, load
from eval.tasks.competition_math import MATH, MATH500, figures, read
from tests.eval.made_up import failed, sample

ROW = {
    "id": "m0",
    "problem": "What is $1 + 1$?",
    "answer": "2",
    "subject": "Algebra",
    "level": "Level 3",
}


def test_a_problem_is_asked_alone_with_the_form_of_its_answer() -> None:
    (question,) = read([ROW], [])
    (turn,) = question.turns
    assert turn.endswith("\n\nWhat is $1 + 1$?")
    assert r"\boxed{}" in turn
    assert (question.id, question.gold, question.group, question.context) == (
        "m0",
        "2",
        "Algebra",
        (),
    )


def test_a_level_is_read_as_number_or_as_words() -> None:
    levels = ["Level 3", 5, "Level ?"]
    questions = read([ROW | {"level": level} for level in levels], [])
    assert [question.row["level"] for question in questions] == ["3", "5", "?"]


def test_what_failed_is_wrong_in_its_subject_and_level() -> None:
    rows = [ROW | {"id": id, "level": level} for id, level in [("a", 1), ("b", 1), ("c", 2)]]
    questions = {question.id: question for question in read(rows, [])}
    samples = [
        sample("a", 1.0, group="Algebra"),
        failed("b", group="Algebra"),
        sample("c", 1.0, group="Geometry"),
    ]
    found = figures(questions, samples)
    assert {name: (part["value"], part["n"]) for name, part in found["levels"].items()} == {
        "1": (0.5, 2),
        "2": (1.0, 1),
    }
    assert {name: part["n"] for name, part in found["subjects"].items()} == {
        "Algebra": 2,
        "Geometry": 1,
    }


def test_the_hub_gives_the_rows_of_the_file() -> None:
    assert isinstance(MATH500.rows, Source)
    assert MATH500.rows.hub is not None
    theirs = {**ROW, "solution": "so \\boxed{2}", "unique_id": "test/algebra/1.json"}
    del theirs["id"]
    assert MATH500.rows.hub.convert(theirs, 7) == {
        **ROW,
        "solution": "so \\boxed{2}",
        "id": "math500-7",
    }


def test_the_real_data_are_read(data: Path) -> None:
    for task, n in [(MATH, 5_000), (MATH500, 500)]:
        assert isinstance(task.rows, Source)
        questions = read(load(task.rows, data).rows, [])
        assert len({question.id for question in questions}) == n
        assert len({question.group for question in questions}) == 7
        assert {question.row["level"] for question in questions} <= set("12345?")
