import pytest

from eval.errors import EvalError
from eval.task import Generated
from eval.tasks.catalogue import CATALOGUE, find


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_task_of_the_catalogue_is_whole(name: str) -> None:
    task = find(name)
    assert task.name == name
    assert task.about
    assert "\n" not in task.about
    assert (task.scorer is None) != (task.judging is None)
    assert task.few_shot == 0 or task.shots is not None
    names = {"id", "key", "question_id"}
    assert isinstance(task.rows, Generated) or names & set(task.rows.columns)


def test_a_task_that_is_not_there_is_told_those_that_are() -> None:
    with pytest.raises(EvalError, match="no task 'gsm'; there is gsm8k, mmlu"):
        find("gsm")
