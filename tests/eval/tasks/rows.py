"""A few rows of our own in the forms of the files, and of the hub."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def write(file: Path, rows: Sequence[Row]) -> Path:
    """Write JSON lines."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


HUB_GSM8K = [
    {
        "question": "Ann has 1,200 nuts and eats 3 of them a day. How many are left after 5 days?",
        "answer": "She eats 3 * 5 = <<3*5=15>>15.\n1,200 - 15 = <<1200-15=1185>>1,185\n#### 1,185",
    },
    {"question": " Bo owes $5. What has he?", "answer": "He has 0 - 5 = <<0-5=-5>>-5\n#### -5"},
]
GSM8K = [
    {"id": "gsm8k-test-0", **HUB_GSM8K[0], "final": "1185"},
    {"id": "gsm8k-test-1", **HUB_GSM8K[1], "final": "-5"},
]


def _mmlu(subject: str, count: int) -> list[Row]:
    return [
        {
            "question": f" Question {number} of {subject}?\n",
            "subject": subject,
            "choices": [f"{subject} {number}.{choice}" for choice in range(4)],
            "answer": number % 4,
        }
        for number in range(count)
    ]


SUBJECTS = ("abstract_algebra", "anatomy")
HUB_MMLU = [*_mmlu("abstract_algebra", 100), *_mmlu("anatomy", 3)]
HUB_MMLU_DEV = [row for subject in SUBJECTS for row in _mmlu(subject, 5)]


def _filed(split: str, rows: Sequence[Row]) -> list[Row]:
    counts: dict[str, int] = {}
    filed = []
    for row in rows:
        number = counts.get(row["subject"], 0)
        counts[row["subject"]] = number + 1
        id = f"mmlu-{split}-{row['subject']}-{number}"
        filed.append({"id": id, **row, "answer": "ABCD"[row["answer"]]})
    return filed


MMLU, MMLU_DEV = _filed("test", HUB_MMLU), _filed("dev", HUB_MMLU_DEV)

HUB_ARC: list[Row] = [
    {
        "id": "one",
        "question": "What melts?",
        "choices": {"text": ["ice", "air", "light", "sound"], "label": ["A", "B", "C", "D"]},
        "answerKey": "A",
    },
    {
        "id": "two",
        "question": "What shines?",
        "choices": {"text": ["mud", "coal", "the sun", "a cave"], "label": ["1", "2", "3", "4"]},
        "answerKey": "3",
    },
    {
        "id": "three",
        "question": "What flies?",
        "choices": {"text": ["a bird", "a stone", "a root"], "label": ["A", "B", "C"]},
        "answerKey": "A",
    },
    {
        "id": "four",
        "question": "What swims?",
        "choices": {"text": ["a", "b", "c", "d", "a fish"], "label": ["A", "B", "C", "D", "E"]},
        "answerKey": "E",
    },
]
ARC = [
    {
        "id": row["id"],
        "question": row["question"],
        "choices": row["choices"]["text"],
        "labels": list("ABCDE"[: len(row["choices"]["text"])]),
        "answer": answer,
    }
    for row, answer in zip(HUB_ARC, "ACAE", strict=True)
]

HUB_HELLASWAG: list[Row] = [
    {
        "ind": 7,
        "activity_label": "Boiling water",
        "ctx_a": "A man fills a pot.",
        "ctx_b": "he",
        "ctx": "A man fills a pot. he",
        "endings": ["boils it.", "eats the pot.", "flies [off].", "sings [title] A song."],
        "label": "0",
    },
    {
        "ind": 8,
        "activity_label": "Family Life",
        "ctx_a": "[header] How to rest [title] Sit down. [step] Find a chair.",
        "ctx_b": "",
        "ctx": "[header] How to rest [title] Sit down. [step] Find a chair.",
        "endings": ["Sit on it.", "Burn it.", "Sell it.", "Climb it."],
        "label": "3",
    },
]
HELLASWAG: list[Row] = [
    {
        "id": "hellaswag-val-0",
        "ctx": "Boiling water: A man fills a pot. he",
        "label": 0,
        "endings": ["boils it.", "eats the pot.", "flies .", "sings. A song."],
    },
    {
        "id": "hellaswag-val-1",
        "ctx": "Family Life: How to rest. Sit down. Find a chair.",
        "label": 3,
        "endings": ["Sit on it.", "Burn it.", "Sell it.", "Climb it."],
    },
]

HUB_TRUTHFULQA = [
    {
        "type": "Adversarial",
        "category": "Myths",
        "question": f"What happens {number}?",
        "best_answer": "Nothing",
        "correct_answers": ["Nothing", "Not a thing"],
        "incorrect_answers": [f"Wrong {choice}" for choice in range(1 + number % 12)],
        "source": "none",
    }
    for number in range(40)
]
TRUTHFULQA = [
    {
        "id": f"truthfulqa-{number}",
        "category": row["category"],
        "question": row["question"],
        "best": row["best_answer"],
        "correct": row["correct_answers"],
        "incorrect": row["incorrect_answers"],
    }
    for number, row in enumerate(HUB_TRUTHFULQA)
]

HUB = {
    "gsm8k": {"test": HUB_GSM8K},
    "mmlu": {"test": HUB_MMLU},
    "mmlu_5shot": {"test": HUB_MMLU, "dev": HUB_MMLU_DEV},
    "arc_challenge": {"test": HUB_ARC},
}
