"""The names of all tasks; a task's file is imported when it is asked for."""

from __future__ import annotations

import importlib

from eval.errors import EvalError
from eval.task import Task

CATALOGUE = {
    "gsm8k": ("eval.tasks.gsm8k", "GSM8K"),
    "mmlu": ("eval.tasks.mmlu", "MMLU"),
    "mmlu_5shot": ("eval.tasks.mmlu", "MMLU_5SHOT"),
    "math": ("eval.tasks.competition_math", "MATH"),
    "math500": ("eval.tasks.competition_math", "MATH500"),
    "ifeval": ("eval.tasks.ifeval", "IFEVAL"),
    "arc_challenge": ("eval.tasks.arc_challenge", "ARC_CHALLENGE"),
    "hellaswag": ("eval.tasks.hellaswag", "HELLASWAG"),
    "truthfulqa": ("eval.tasks.truthfulqa", "TRUTHFULQA"),
    "word_problems": ("eval.tasks.generated", "WORD_PROBLEMS"),
    "word_problems_new_sentences": ("eval.tasks.generated", "WORD_PROBLEMS_NEW_SENTENCES"),
    "word_problems_new_numbers": ("eval.tasks.generated", "WORD_PROBLEMS_NEW_NUMBERS"),
    "countdown": ("eval.tasks.generated", "COUNTDOWN"),
    "countdown_new_sentences": ("eval.tasks.generated", "COUNTDOWN_NEW_SENTENCES"),
    "pairwise": ("eval.tasks.pairwise", "PAIRWISE"),
    "alpaca_eval": ("eval.tasks.alpaca_eval", "ALPACA_EVAL"),
    "mt_bench": ("eval.tasks.mt_bench", "MT_BENCH"),
}


def find(name: str) -> Task:
    """Return the task of that name; EvalError names those there are."""
    if name not in CATALOGUE:
        raise EvalError(f"no task {name!r}; there is {', '.join(CATALOGUE)}")
    module, constant = CATALOGUE[name]
    task: Task = getattr(importlib.import_module(module), constant)
    return task
