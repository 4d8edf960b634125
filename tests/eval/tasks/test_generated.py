import json

import pytest

from eval.task import Generated, Task
from eval.tasks.catalogue import CATALOGUE, find
from problems.families import EVALUATION_SEED, draw
from problems.split import Split
from train.small import evaluation

SETS = {
    "word_problems": ("word problems", Split.FRESH),
    "word_problems_new_sentences": ("word problems", Split.TEMPLATES),
    "word_problems_new_numbers": ("word problems", Split.NUMBERS),
    "countdown": ("countdown", Split.FRESH),
    "countdown_new_sentences": ("countdown", Split.TEMPLATES),
}


def generated(name: str) -> tuple[Task, Generated]:
    task = find(name)
    assert isinstance(task.rows, Generated)
    return task, task.rows


def test_there_is_a_task_for_each_set_that_training_measures() -> None:
    assert list(SETS.values()) == list(evaluation.SETS)
    names = [name for name, (module, _) in CATALOGUE.items() if module == "eval.tasks.generated"]
    assert names == list(SETS)


@pytest.mark.parametrize("name", SETS)
def test_a_task_asks_what_training_measured_under_its_name(name: str) -> None:
    task, made = generated(name)
    assert (task.name, made.n, made.seed) == (name, 1000, evaluation.SEED)
    questions = task.read(made.rows(25, made.seed), ())
    problems = draw(*SETS[name], 25, evaluation.SEED)
    assert [question.turns for question in questions] == [(p.prompt,) for p in problems]
    assert [question.gold for question in questions] == [p.gold for p in problems]
    assert evaluation.SEED == EVALUATION_SEED == 999_983


@pytest.mark.parametrize("name", SETS)
def test_rows_are_json_the_same_each_time_and_fewer_are_their_beginning(name: str) -> None:
    _, made = generated(name)
    rows = made.rows(12, made.seed)
    assert json.loads(json.dumps(rows)) == rows == made.rows(12, made.seed)
    assert made.rows(5, made.seed) == rows[:5]
    assert not {row["id"] for row in rows} & {row["id"] for row in made.rows(12, 1)}


@pytest.mark.parametrize("name", SETS)
def test_a_question_carries_what_its_scorer_needs(name: str) -> None:
    task, made = generated(name)
    assert task.scorer is not None
    for question in task.read(json.loads(json.dumps(made.rows(5, made.seed))), ()):
        right = task.scorer.score(question, [_answer(question.row["problem"])])
        assert (right.value, right.flags) == (1, ())
        assert task.scorer.score(question, ["?"]).value == 0


def _answer(row: dict) -> str:
    if row["family"] == "word problems":
        before, sign, operand = row["steps"][-1]
        return str(int(eval(f"{before} {sign} {operand}")))
    a, b, c = row["numbers"]
    shapes = ("({}{}{}){}{}", "{}{}({}{}{})")
    return next(
        text
        for x, y, z in ((a, b, c), (a, c, b), (b, a, c), (b, c, a), (c, a, b), (c, b, a))
        for first in "+-*"
        for second in "+-*"
        for shape in shapes
        if eval(text := shape.format(x, first, y, second, z)) == row["target"]
    )


@pytest.mark.parametrize("name", SETS)
def test_its_answers_are_sampled_as_the_served_model_would(name: str) -> None:
    assert generated(name)[0].temperature is None
