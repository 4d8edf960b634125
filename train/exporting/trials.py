"""Trials: prompts for the self-test and the golden replies, from what a model was taught with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

QUESTIONS = (  # for a model that was tuned elsewhere
    "What is the capital of France?",
    "Add 17 and 25.",
    "Name three fruits that are red.",
    "Translate 'good morning' to German.",
    "Why is the sky blue?",
    "Write a sentence with the word river in it.",
    "How many days does a week have?",
    "Which is heavier, a kilogram of iron or a kilogram of feathers?",
)


def taught_prompts(rows: Any, n: int) -> list[list[int]]:
    """Return the prompts of n built rows, evenly spread; fewer where they repeat."""
    places = np.linspace(0, len(rows) - 1, min(n, len(rows))).astype(int).tolist()
    found: dict[tuple[int, ...], None] = {}
    for at in dict.fromkeys(places):
        row = rows[at]
        found[tuple(row["input_ids"][: first_reply(row["kinds"])])] = None
    return [list(prompt) for prompt in found]


def plain_prompts(tokenizer: Any, n: int) -> list[list[int]]:
    """Return at most n prompts of our own."""
    return [prompt_ids(tokenizer, question) for question in QUESTIONS[:n]]


def prompt_ids(tokenizer: Any, question: str) -> list[int]:
    """Return the ids of a question as the chat template writes it."""
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": question}], tokenize=False, add_generation_prompt=True
    )
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def first_reply(kinds: Sequence[int]) -> int:
    """Return where a row's first reply begins: at the first token that is no prompt."""
    return int(np.flatnonzero(np.asarray(kinds))[0])
