"""The prompts are held against those of lm-eval's own tasks, made of the same files."""

import importlib
from pathlib import Path
from typing import Any

import pytest

from eval.errors import EvalError
from eval.question import Question
from eval.running.plan import make_plan
from eval.running.protocol import Protocol, Treatment
from eval.scorers.lm_eval_files import task_config
from eval.tasks import catalogue
from eval.tasks.lm_eval_protocol import TASKS, in_their_words
from tests.eval.tasks.rows import ARC, GSM8K, HUB, MMLU, MMLU_DEV, write

pytest.importorskip("lm_eval")


def planned(name: str, folder: Path, few_shot: int | None = None) -> tuple[Question, ...]:
    task = in_their_words(catalogue.find(name))
    protocol = Protocol(few_shot=task.few_shot if few_shot is None else few_shot)
    return make_plan(task, protocol, Treatment(), folder).questions


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "gsm8k" / "test.jsonl", GSM8K)
    write(tmp_path / "mmlu" / "test.jsonl", MMLU)
    write(tmp_path / "mmlu" / "dev.jsonl", MMLU_DEV)
    write(tmp_path / "arc_challenge" / "test.jsonl", ARC)
    return tmp_path


Messages = list[dict[str, str]]


def their_messages(name: str, num_few_shot: int) -> list[Messages]:
    """Return what lm-eval would send for the rows of the hub; it has a task for each subject."""
    found: list[Messages] = []
    for subject in dict.fromkeys(row.get("subject") for row in HUB[name]["test"]):
        rows = {
            split: [row for row in rows if row.get("subject") == subject]
            for split, rows in HUB[name].items()
        }
        found += their_task_messages(name, rows, num_few_shot)
    return found


def their_task_messages(name: str, rows: dict[str, list[Any]], num_few_shot: int) -> list[Messages]:
    datasets = importlib.import_module("datasets")
    ConfigurableTask = importlib.import_module("lm_eval.api.task").ConfigurableTask  # noqa: N806
    config: dict[str, Any] = dict(task_config(TASKS[name]) or {})
    splits = {split: datasets.Dataset.from_list(those) for split, those in rows.items()}
    config |= {"task": name, "custom_dataset": lambda **_: splits}
    if "process_docs" in config:
        config["process_docs"] = arc_documents
    task = ConfigurableTask(config=config)
    return [
        task.fewshot_context(
            document,
            num_few_shot,
            apply_chat_template=True,
            fewshot_as_multiturn=True,
            chat_template=lambda messages, **_: messages,
            gen_prefix=task.doc_to_prefix(document),
        )
        for document in task.eval_docs
    ]


def arc_documents(dataset: Any) -> Any:
    path = "lm_eval.tasks.llama3.instruct.arc_challenge.utils"
    return importlib.import_module(path).process_docs(dataset)


@pytest.mark.parametrize("name", TASKS)
def test_the_messages_are_lm_evals(name: str, folder: Path) -> None:
    questions = planned(name, folder)
    few_shot = in_their_words(catalogue.find(name)).few_shot
    theirs = their_messages(name, few_shot)
    ours = [[*q.context, {"role": "user", "content": q.turns[0]}] for q in questions]
    config = task_config(TASKS[name]) or {}
    if "gen_prefix" in config:
        assert all(messages.pop() == prefill(config["gen_prefix"]) for messages in theirs)
    assert ours == theirs


def prefill(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def test_examples_of_mmlu_are_of_the_questions_subject(folder: Path) -> None:
    questions = planned("mmlu_5shot", folder)
    assert all(len(question.context) == 10 for question in questions)
    assert questions[0].context != questions[-1].context


def test_fewer_examples_may_be_asked_for(folder: Path) -> None:
    assert len(planned("gsm8k", folder, few_shot=2)[0].context) == 4
    assert planned("gsm8k", folder, few_shot=0)[0].context == ()


def test_arc_leaves_out_rows_without_four_choices(folder: Path) -> None:
    questions = planned("arc_challenge", folder)
    assert [q.id for q in questions] == [row["id"] for row in ARC if len(row["choices"]) == 4]
    assert len(questions) < len(ARC)


def test_other_tasks_are_refused() -> None:
    with pytest.raises(EvalError, match="hellaswag has none; there is gsm8k"):
        in_their_words(catalogue.find("hellaswag"))


def test_notes_say_what_cannot_be_sent() -> None:
    assert "not sent" in in_their_words(catalogue.find("mmlu_5shot")).note
    assert "not sent" not in in_their_words(catalogue.find("gsm8k")).note
