"""Tasks in lm-eval's words, so that figures compare with published ones: `--protocol lm-eval`.

Prompts and examples are rendered from the task files of the installed lm-eval; examples are turns
of their own, as its Llama tasks have them. What a chat endpoint cannot do is let the reply begin
with words of ours: two of the tasks put "The best answer is" there, which is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

from client.turn import Message
from eval.dataset import Row
from eval.errors import EvalError
from eval.question import Question
from eval.scorers.letters import LETTERS
from eval.scorers.lm_eval_files import task_config
from eval.task import Generated, Shots, Task
from eval.tasks.lettered import example

NAME = "lm-eval"
TASKS = {
    "gsm8k": "gsm8k_cot_llama",
    "mmlu": "mmlu_cot_llama",
    "mmlu_5shot": "mmlu_llama",
    "arc_challenge": "arc_challenge_llama",
}
PREFIX_NOTE = "the words that lm-eval lets the reply begin with are not sent"
CHOICES_NOTE = "rows without four choices are left out, as lm-eval does"


def in_their_words(task: Task) -> Task:
    """Return the task with lm-eval's prompts; EvalError where it has none of them."""
    if task.name not in TASKS:
        raise EvalError(f"--protocol {NAME}: {task.name} has none; there is {', '.join(TASKS)}")
    config = task_config(TASKS[task.name])
    if config is None:
        raise EvalError(
            f"--protocol {NAME} reads {TASKS[task.name]} from the installed lm-eval, and it is not "
            "there: install the extra `compat`"
        )
    samples = config.get("fewshot_config", {}).get("samples")
    notes = [CHOICES_NOTE] if task.name == "arc_challenge" else []
    notes += [PREFIX_NOTE] if "gen_prefix" in config else []
    return replace(
        task,
        read=partial(_read, task, config),
        shots=_given(samples) if samples else task.shots,
        few_shot=config["num_fewshot"],
        note="; ".join([*notes, *filter(None, [task.note])]),
    )


def _given(samples: Sequence[Row]) -> Generated:
    """Return examples that the task file has itself."""
    return Generated(lambda n, _: list(samples[:n]), len(samples), 0)


def _read(
    task: Task, config: Mapping[str, Any], rows: Sequence[Row], shots: Shots
) -> list[Question]:
    ask = _template(config["doc_to_text"])
    contexts = _contexts(task, config, shots)
    asked = [row for row in rows if task.name != "arc_challenge" or len(row["choices"]) == 4]
    return [
        replace(
            question,
            turns=(ask(**_document(row)),),
            context=contexts.get(_kind(task, row), ()),
        )
        for question, row in zip(task.read(asked, ()), asked, strict=True)
    ]


def _contexts(
    task: Task, config: Mapping[str, Any], shots: Shots
) -> dict[Any, tuple[Message, ...]]:
    """Return the examples, by the column that they are chosen by."""
    ask, reply = _template(config["doc_to_text"]), _template(config["doc_to_target"])
    prefix = f"{config['gen_prefix']} " if "gen_prefix" in config else ""
    examples: dict[Any, list[Sequence[Message]]] = {}
    for row in shots:
        document = _document(row)
        turns = example(ask(**document), prefix + reply(**document))
        examples.setdefault(_kind(task, row), []).append(turns)
    return {key: tuple(chain.from_iterable(turns)) for key, turns in examples.items()}


def _kind(task: Task, row: Row) -> Any:
    return row[task.shots_by] if task.shots_by else None


def _document(row: Row) -> Row:
    """Return a row as lm-eval's templates know it: the answer's number, ARC's nested choices."""
    if "labels" in row:
        choices = {"text": row["choices"], "label": row["labels"]}
        return {"question": row["question"], "choices": choices, "answerKey": row["answer"]}
    if "choices" in row:
        return {**row, "answer": LETTERS.index(row["answer"])}
    return row


def _template(text: str) -> Callable[..., str]:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True)  # noqa: S701
    return environment.from_string(text).render
