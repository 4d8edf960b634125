"""GSM8K: 1,319 word problems of grade school, answered by a number.

K. Cobbe et al., "Training Verifiers to Solve Math Word Problems", 2021, arXiv:2110.14168.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from client.turn import Message
from eval.dataset import Hub, Row, Source, json_lines
from eval.measures.groups import interval_of, method_of
from eval.question import Question
from eval.scorers import gsm8k
from eval.task import Shots, Task

if TYPE_CHECKING:
    from eval.sample import Sample

ASK = """{question}

Work it out step by step. Then end with one line of this form, N being a number without its unit:
The final answer is N."""
CALCULATION = re.compile(r"<<[^<>\n]*>>")
COLUMNS = ("id", "question", "answer", "final")


def read(rows: Sequence[Row], shots: Shots) -> list[Question]:
    """Return the questions; the examples are answered as the question asks for it."""
    context = tuple(chain.from_iterable(map(_example, shots)))
    return [
        Question(row["id"], (ASK.format(question=row["question"]),), row["final"], context=context)
        for row in rows
    ]


def _example(row: Row) -> tuple[Message, Message]:
    steps = CALCULATION.sub("", row["answer"]).partition("####")[0].strip()
    reply = f"{steps}\nThe final answer is {row['final']}."
    asked = ASK.format(question=row["question"])
    return {"role": "user", "content": asked}, {"role": "assistant", "content": reply}


def figures(_: Mapping[str, Question], samples: Sequence[Sample]) -> dict[str, Any]:
    """Return the strict score: the last number of a reply counts only where it says so."""
    details = [sample.score.details if sample.score else {} for sample in samples]
    strict = [float(parts.get("strict", 0)) for parts in details]
    method = method_of(strict, samples, is_judged=False)
    return {"strict": interval_of(strict, samples, method).to_dict()}


def converter(split: str) -> Callable[[Row, int], Row]:
    """Return what turns a row of the hub into one of the file."""

    def convert(row: Row, number: int) -> Row:
        final = row["answer"].rpartition("####")[2].strip().replace(",", "")
        return {
            "id": f"gsm8k-{split}-{number}",
            "question": row["question"],
            "answer": row["answer"],
            "final": final,
        }

    return convert


def _source(split: str) -> Source:
    return Source(
        folder="gsm8k",
        files=json_lines(split),
        columns=COLUMNS,
        hub=Hub("openai/gsm8k", split, converter(split), "main"),
    )


GSM8K = Task(
    name="gsm8k",
    about="1,319 word problems of grade school: a number",
    rows=_source("test"),
    shots=_source("train"),
    read=read,
    scorer=gsm8k.GSM8K,
    chance=0.0,
    figures=figures,
    note="a reply that does not say which number is its answer is read by its last one; strict: "
    "it is wrong",
)
